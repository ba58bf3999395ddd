using FsCheck;
using FsCheck.Fluent;
using Slipway.Tokenization.Training;

namespace Slipway.Tokenization.Tests.Training;

public sealed class BpeTrainerTests
{
    private static readonly string[] Texts =
        ["low low low low low", "lower lower", "newest newest newest newest newest newest",
        "widest widest widest 2024"];

    [Fact]
    public void Train_SmallExample_MergesTheMostFrequentPairFirst()
    {
        var tokenizer = Train(new() { VocabularySize = 256 + 4 });

        // " newest" and " widest" share e, s, t; the ties go to the smaller ids.
        Assert.Equal(["es", "est", "lo", "low"], Enumerable.Range(256, 4).Select(id => tokenizer.IdToToken(id)!));
    }

    [Fact]
    public void Train_Twice_GivesTheSameBytes()
    {
        BpeTrainerOptions options = new() { VocabularySize = 280, SpecialTokens = ["<s>", "</s>"] };

        Assert.Equal(
            new BpeTrainer(options).Train(Texts, null, TestContext.Current.CancellationToken),
            new BpeTrainer(options).Train(Texts, null, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Train_AddedTokens_AreOneTokenEachAndStayText()
    {
        var tokenizer = Train(new()
        {
            VocabularySize = 280, SpecialTokens = ["<s>"], AddedTokens = ["<call>"],
        });
        var ids = tokenizer.Encode("<s>a<call>", addSpecialTokens: false);
        Assert.Equal([0, 1], [ids[0], ids[^1]]);
        Assert.True(tokenizer.IsSpecial(0));
        Assert.False(tokenizer.IsSpecial(1));
        Assert.Equal("a<call>", tokenizer.Decode(ids, skipSpecialTokens: true));
    }

    [Fact]
    public void Train_SpecialTokens_AreOneTokenEach()
    {
        var tokenizer = Train(new() { VocabularySize = 280, SpecialTokens = ["<s>", "</s>"] });

        Assert.Equal([0, 1], tokenizer.Encode("<s></s>", false));
        Assert.True(tokenizer.IsSpecial(1));
    }

    [Fact]
    public void Train_AnyText_ComesBack()
    {
        var tokenizer = Train(new() { VocabularySize = 280, SpecialTokens = ["<s>"] });

        Prop.ForAll<UnicodeString>(text =>
        {
            var ids = tokenizer.Encode(text.Get ?? string.Empty, false);
            var stream = tokenizer.CreateStreamDecoder(false);
            var streamed = string.Concat(ids.Select(stream.Append)) + stream.Flush();
            var expected = System.Text.Encoding.UTF8.GetString(
                System.Text.Encoding.UTF8.GetBytes(text.Get ?? string.Empty));
            return tokenizer.Decode(ids, false) == expected && streamed == expected;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData(1, "ab", 1)]
    [InlineData(2, "abc", 2)]
    [InlineData(3, "aé日", 2)]
    [InlineData(4, "abcdefgh", 3)]
    [InlineData(5, "a", 1)]
    public void Train_RandomCorpus_LearnsWhatTheNaiveWayLearns(int seed, string letters, int minimum)
    {
        Random random = new(seed);
        string[] words = [.. Enumerable.Range(0, 120).Select(_ => new string(
            [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => letters[random.Next(letters.Length)])]))];
        var expected = NaiveBpe.Learn(words, 60, minimum);

        var tokenizer = HuggingFaceTokenizer.Parse(new BpeTrainer(
            new() { VocabularySize = 256 + 60, MinimumFrequency = minimum }).Train(words), "trained");

        Assert.NotEmpty(expected);
        Assert.Equal(
            expected, Enumerable.Range(256, tokenizer.VocabularySize - 256).Select(id => tokenizer.IdToToken(id)!));
    }

    [Fact]
    public void Train_VocabularyTooSmall_SaysWhatFits()
    {
        var exception = Assert.Throws<ArgumentException>(() =>
            new BpeTrainer(new() { VocabularySize = 256, SpecialTokens = ["<s>"] }));

        Assert.Equal(
            "A vocabulary of 256 tokens cannot hold 256 bytes and 1 special tokens. Set VocabularySize to 257 or more.",
            exception.Message);
    }

    private static HuggingFaceTokenizer Train(BpeTrainerOptions options) => HuggingFaceTokenizer.Parse(
        new BpeTrainer(options).Train(Texts, null, TestContext.Current.CancellationToken), "trained");
}
