using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Tests.Metrics;

public sealed class TextMetricsTests
{
    // The examples of Porter's paper, and what NLTK makes of the words that it treats apart.
    [Theory]
    [InlineData("caresses", "caress")]
    [InlineData("ponies", "poni")]
    [InlineData("ties", "tie")]
    [InlineData("cats", "cat")]
    [InlineData("feed", "feed")]
    [InlineData("agreed", "agre")]
    [InlineData("plastered", "plaster")]
    [InlineData("motoring", "motor")]
    [InlineData("sing", "sing")]
    [InlineData("conflated", "conflat")]
    [InlineData("troubled", "troubl")]
    [InlineData("sized", "size")]
    [InlineData("hopping", "hop")]
    [InlineData("falling", "fall")]
    [InlineData("hissing", "hiss")]
    [InlineData("filing", "file")]
    [InlineData("happy", "happi")]
    [InlineData("relational", "relat")]
    [InlineData("rational", "ration")]
    [InlineData("digitizer", "digit")]
    [InlineData("radically", "radic")]
    [InlineData("vietnamization", "vietnam")]
    [InlineData("operator", "oper")]
    [InlineData("hopefulness", "hope")]
    [InlineData("sensibility", "sensibl")]
    [InlineData("triplicate", "triplic")]
    [InlineData("electrical", "electr")]
    [InlineData("goodness", "good")]
    [InlineData("allowance", "allow")]
    [InlineData("replacement", "replac")]
    [InlineData("adoption", "adopt")]
    [InlineData("effective", "effect")]
    [InlineData("probate", "probat")]
    [InlineData("rate", "rate")]
    [InlineData("cease", "ceas")]
    [InlineData("controlling", "control")]
    [InlineData("roll", "roll")]
    [InlineData("died", "die")]
    [InlineData("spied", "spi")]
    [InlineData("enjoy", "enjoy")]
    [InlineData("dying", "die")]
    [InlineData("skies", "sky")]
    [InlineData("geology", "geolog")]
    [InlineData("by", "by")]
    public void Stem_Word_IsPorters(string word, string stem) => Assert.Equal(stem, PorterStemmer.Stem(word));

    [Fact]
    public void Rouge_Lines_CountEachWordOnceOverAllLines()
    {
        var scores = Rouge.Score("a b\nc d", "c d\na b");
        Assert.Equal(0.5, scores.RougeL.F1, 1e-12);
        Assert.Equal(1, scores.RougeLsum.F1, 1e-12);

        // 'a' is common to both lines of the prediction and counts once.
        var repeated = Rouge.Score("a x\na y", "a");
        Assert.Equal((0.25, 1.0), (repeated.RougeLsum.Precision, repeated.RougeLsum.Recall));
    }

    [Fact]
    public void Rouge_SeveralReferences_TakesTheBestOfEach()
    {
        var scores = Rouge.Score("a b c", ["a b c", "x"]);
        Assert.Equal((1.0, 1.0), (scores.Rouge1.F1, scores.Rouge2.F1));
        Assert.Equal(0.5, Rouge.NGram("a b c d", "a b c x d", 3).Precision, 1e-12);
        Assert.Throws<ArgumentException>(() => Rouge.Score("a", Array.Empty<string>()));
    }

    [Theory]
    [InlineData("Hello, world! 3.5% (a-b) 1-2 x.", "Hello , world ! 3.5 % ( a-b ) 1 - 2 x .")]
    [InlineData("&lt;b&gt; &amp;quot; it's", "< b > & quot ; it's")]
    [InlineData("wo-\nrd <skipped>next\nline", "word next line")]
    [InlineData("U.S.A. 1,000.00, ok...", "U . S . A . 1,000.00 , ok . . .")]
    [InlineData("  tab\tand\u00a0space \u001f end\n", "tab and space end")]
    public void Tokenize_13A_IsMteval(string text, string tokens)
        => Assert.Equal(tokens, string.Join(' ', BleuTokens.Of(text, new BleuOptions())));

    [Fact]
    public void Bleu_SeveralReferences_CountsTheMostFrequentRunAndTheNearestLength()
    {
        // Papineni's example: 'the' counts twice of seven.
        var clipped = Bleu.Sentence(
            "the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"]);
        Assert.Equal(2.0 / 7, clipped.Precisions[0], 1e-12);
        Assert.Equal(7, clipped.ReferenceTokens);
        Assert.Equal(3, Bleu.Sentence("a b c d", ["a b c d e", "a b c"]).ReferenceTokens);
    }

    [Fact]
    public void Bleu_Smoothing_GivesLengthsWithoutAMatchWhatItSays()
    {
        const string Prediction = "a b x c", Reference = "a b c d";
        double Precision(BleuSmoothing smoothing, int order, double? value = null) => Bleu.Sentence(
            Prediction, [Reference],
            new BleuOptions { Smoothing = smoothing, SmoothingValue = value }).Precisions[order - 1];

        // One pair of three matches; of two triples none does, nor the one run of four.
        Assert.Equal(1.0 / 3, Precision(BleuSmoothing.Exponential, 2), 1e-12);
        Assert.Equal(0.5 / 2, Precision(BleuSmoothing.Exponential, 3), 1e-12);
        Assert.Equal(0.25, Precision(BleuSmoothing.Exponential, 4), 1e-12);
        Assert.Equal(0.1 / 2, Precision(BleuSmoothing.Floor, 3), 1e-12);
        Assert.Equal(0.3 / 2, Precision(BleuSmoothing.Floor, 3, 0.3), 1e-12);
        Assert.Equal(2.0 / 4, Precision(BleuSmoothing.AddK, 2), 1e-12);
        Assert.Equal(0, Bleu.Sentence(
            Prediction, [Reference], new BleuOptions { Smoothing = BleuSmoothing.None }).Score);
    }

    [Fact]
    public void Bleu_Options_ChangeTokensAndLengths()
    {
        Assert.Equal(100, Bleu.Sentence("THE CAT", ["the cat"], new() { Lowercase = true }).Score, 1e-9);
        Assert.Equal(0, Bleu.Sentence("THE CAT", ["the cat"]).Score);
        Assert.Equal(0, Bleu.Corpus([""], [["a"]]).Score);
        Assert.Equal(
            100, Bleu.Sentence("数字十二", ["数字十二"], new() { Tokenizer = BleuTokenizer.Character }).Score, 1e-9);
        Assert.Equal(1, Bleu.Sentence("a,b", ["a,b"], new() { Tokenizer = BleuTokenizer.Whitespace }).PredictedTokens);
        Assert.Equal(
            100, Bleu.Sentence("a b", ["a b"], new() { MaxOrder = 2, EffectiveOrder = false }).Score, 1e-9);
        var error = Assert.Throws<ArgumentException>(() => Bleu.Corpus(["a", "b"], [["a"]]));
        Assert.StartsWith(
            "There are 2 predictions and 1 references; expected as many of the one as of the other", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ChrF_Words_MakeItChrFPlusPlus()
    {
        // Characters all match ('ab.' either way); of the words 'ab' and '.' both do, of the pairs the one.
        Assert.Equal(100, ChrF.Sentence("ab .", ["ab."], new() { WordOrder = 2 }), 1e-9);

        // Order 1: 2 of 3 characters; order 2: 1 of 2; order 3: none of 1. The mean is 7/18 either way.
        Assert.Equal(100 * 7 / 18.0, ChrF.Sentence("abc", ["abd"]), 1e-9);

        // With words: none of 1 of order 1; order 2 is reached by neither.
        Assert.Equal(100 * 7 / 24.0, ChrF.Sentence("abc", ["abd"], new() { WordOrder = 2 }), 1e-9);
    }

    [Fact]
    public void ChrF_Options_ChangeWhatCounts()
    {
        Assert.Equal(100, ChrF.Sentence("a b", ["ab"]), 1e-9);
        Assert.True(ChrF.Sentence("a b", ["ab"], new() { Whitespace = true }) < 100);
        Assert.Equal(100, ChrF.Sentence("AB", ["ab"], new() { Lowercase = true }), 1e-9);
        Assert.Equal(100, ChrF.Sentence("ab", ["xy", "ab"]), 1e-9);

        // A character above U+FFFF is one: nothing of it is shared with its neighbour.
        Assert.Equal(0, ChrF.Sentence("\U0001F600", ["\U0001F601"]));

        // Recall counts four times: 1 of 2 characters expected, the one predicted is right.
        Assert.Equal(100 * 5 * 0.5 / (4 + 0.5), ChrF.Sentence("a", ["ab"]), 1e-9);
        Assert.Equal(100 * 2 * 0.5 / 1.5, ChrF.Sentence("a", ["ab"], new() { Beta = 1 }), 1e-9);
    }

    [Theory]
    [InlineData("The theatre, an a-list!", "theatre alist")]
    [InlineData("a_an", "aan")]
    [InlineData("  L'École the\t ", "lécole")]
    [InlineData("ΟΔΥΣΣΕΥΣ, Σ. ΑΣ'Α ΑΣ\u0301 ªΣ", "οδυσσευς σ ασα ας\u0301 ªς")]
    [InlineData("İΣ", "i\u0307ς")]
    public void Normalize_Answer_LosesArticlesAndPunctuation(string answer, string normalized)
        => Assert.Equal(normalized, QuestionAnswers.Normalize(answer));

    [Fact]
    public void QuestionAnswers_SeveralAnswers_TakesTheBest()
    {
        Assert.Equal(1, QuestionAnswers.ExactMatch("42", ["forty-two", "42."]));
        Assert.Equal(0.8, QuestionAnswers.F1("red big car", ["big car", "plane"]), 1e-12);
        Assert.Equal(0, QuestionAnswers.F1("", ["x"]));
    }
}
