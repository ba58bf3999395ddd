using System.Text.Json.Nodes;
using Slipway.Testing;
using Slipway.Tests.Encoders;

namespace Slipway.Tests.Classifiers;

public sealed class OnnxTokenClassifierTests : IDisposable
{
    private const int Labels = 9;
    private const string Text = "t40  tänz t41 Öltest, t42";

    // 'tänz' and 'Öltest,' are words of several tokens; 'x' is none.
    private static readonly Dictionary<string, int> Words = new()
    {
        ["tän"] = 100, ["##z"] = 101, ["Öl"] = 102, ["##te"] = 103, ["##st"] = 104, ["##,"] = 105,
    };

    private static readonly int[] Ids = [40, 100, 101, 41, 102, 103, 104, 105, 42];
    private static readonly (int Start, int End)[] Places =
        [(0, 3), (5, 8), (8, 9), (10, 13), (14, 16), (16, 18), (18, 20), (20, 21), (22, 25)];

    private static readonly int[] WordOf = [0, 1, 1, 2, 3, 3, 3, 3, 4];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Classify_EachTokenByItself_HasItsPlaceAndTheModelsLabel()
    {
        var package = Export();
        var scores = Scores(package);
        var spans = await ClassifyAsync(package, TokenAggregation.None);
        Assert.Equal(Ids.Length, spans.Count);
        for (var i = 0; i < Ids.Length; i++)
        {
            var best = Array.IndexOf(scores[i], scores[i].Max());
            Assert.Equal(Name(best), spans[i].Label);
            Assert.Equal(scores[i][best], spans[i].Score, 1e-5);
            Assert.Equal((Places[i].Start, Places[i].End), (spans[i].Start, spans[i].End));
            Assert.Equal(Text[spans[i].Start..spans[i].End], spans[i].Text);
        }
    }

    [Theory]
    [InlineData(TokenAggregation.Simple)]
    [InlineData(TokenAggregation.First)]
    [InlineData(TokenAggregation.Average)]
    [InlineData(TokenAggregation.Max)]
    public async Task Classify_Aggregated_IsWhatItsWordsSay(TokenAggregation aggregation)
    {
        var package = Export();
        var scores = Scores(package);

        // Tokens, or words with one label each; then neighbours of one kind.
        var parts = Enumerable.Range(0, Ids.Length)
            .GroupBy(i => aggregation == TokenAggregation.Simple ? i : WordOf[i])
            .Select(word =>
            {
                var own = word.Select(i => scores[i]).ToArray();
                var chosen = aggregation switch
                {
                    TokenAggregation.Average =>
                        [.. Enumerable.Range(0, Labels).Select(label => own.Average(token => token[label]))],
                    TokenAggregation.Max => own.MaxBy(token => token.Max())!,
                    _ => own[0],
                };
                var best = Array.IndexOf(chosen, chosen.Max());
                return (Label: Name(best), Score: chosen[best], Places[word.First()].Start, Places[word.Last()].End);
            }).ToList();
        List<(string Label, double Score, int Start, int End)> expected = [];
        for (var i = 0; i < parts.Count;)
        {
            var next = i + 1;
            while (next < parts.Count && parts[next].Label[2..] == parts[next - 1].Label[2..]
                && parts[next].Label[0] == 'I')
            {
                next++;
            }

            expected.Add((
                parts[i].Label[2..], parts[i..next].Average(part => part.Score), parts[i].Start, parts[next - 1].End));
            i = next;
        }

        var spans = await ClassifyAsync(package, aggregation);
        Assert.Equal(
            expected.Select(span => (span.Label, span.Start, span.End)),
            spans.Select(span => (span.Label, span.Start, span.End)));
        Assert.All(expected.Zip(spans), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-5));
    }

    [Theory]
    [InlineData(12, 0)]
    [InlineData(12, 3)]
    [InlineData(9, 6)]
    public async Task Classify_LongText_IsWhatItsWindowsSay(int context, int stride)
    {
        var package = Export();
        string[] words = [.. Enumerable.Range(0, 60).Select(i => $"t{20 + (i * 37 % 70)}")];
        var text = string.Join(' ', words);
        using var whole = new OnnxTokenClassifier(new OnnxTokenClassifierOptions { PackagePath = package });
        using var windowed = new OnnxTokenClassifier(new OnnxTokenClassifierOptions
        {
            PackagePath = package, ContextLength = context, Stride = stride,
        });
        var special = Slipway.Tokenization.HuggingFaceTokenizer.Load(package).Encode("", true).Length;
        List<TextSpan> all = [], expected = [];
        for (var start = 0; ; start += context - special - stride)
        {
            var end = Math.Min(start + context - special, words.Length);
            var offset = start == 0 ? 0 : string.Join(' ', words[..start]).Length + 1;
            var window = string.Join(' ', words[start..end]);
            all.AddRange((await whole.ClassifyAsync([window], TestContext.Current.CancellationToken))[0].Select(
                span => span with { Start = span.Start + offset, End = span.End + offset }));
            if (end == words.Length)
            {
                break;
            }
        }

        // As transformers' aggregate_overlapping_entities.
        foreach (var span in all.OrderBy(span => span.Start))
        {
            var previous = expected.LastOrDefault();
            if (previous is null || span.Start >= previous.End)
            {
                expected.Add(span);
            }
            else if ((span.Text.Length, span.Score).CompareTo((previous.Text.Length, previous.Score)) > 0)
            {
                expected[^1] = span;
            }
        }

        var spans = (await windowed.ClassifyAsync([text], TestContext.Current.CancellationToken))[0];

        Assert.Equal(
            expected.Select(span => (span.Label, span.Start, span.End, span.Text)),
            spans.Select(span => (span.Label, span.Start, span.End, span.Text)));
        Assert.All(expected.Zip(spans), pair => Assert.Equal(pair.First.Score, pair.Second.Score, 1e-5));
        Assert.Equal(text.Length, spans[^1].End);
    }

    [Fact]
    public async Task Classify_LongTextWithoutAStride_IsCutOff()
    {
        var package = Export();
        var text = string.Join(' ', Enumerable.Range(0, 60).Select(i => $"t{20 + i}"));
        using var classifier = new OnnxTokenClassifier(new OnnxTokenClassifierOptions
        {
            PackagePath = package, ContextLength = 12, IgnoredLabels = [],
        });

        var spans = (await classifier.ClassifyAsync([text], TestContext.Current.CancellationToken))[0];

        var special = Slipway.Tokenization.HuggingFaceTokenizer.Load(package).Encode("", true).Length;
        Assert.Equal((12 - special) * 4, spans[^1].End + 1);
    }

    [Fact]
    public async Task Classify_StrideThatFillsTheWindow_IsRefused()
    {
        using var classifier = new OnnxTokenClassifier(new OnnxTokenClassifierOptions
        {
            PackagePath = Export(), ContextLength = 12, Stride = 12,
        });

        var exception = await Assert.ThrowsAsync<ArgumentException>(
            () => classifier.ClassifyAsync([Text], TestContext.Current.CancellationToken));

        Assert.StartsWith("Stride is '12'; a window has room for '", exception.Message, StringComparison.Ordinal);
        var both = Assert.Throws<ArgumentException>(() => new OnnxTokenClassifier(new OnnxTokenClassifierOptions
        {
            PackagePath = "x", Stride = -1, Aggregation = TokenAggregation.None,
        }));
        Assert.StartsWith(
            "Stride is '-1'; expected 0 or more. Stride is set, but Aggregation is 'None'", both.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 5, 0.5f, 2, 6, 0.9f, 0)] // the longer one
    [InlineData(0, 4, 0.5f, 2, 6, 0.9f, 1)] // as long, but surer
    [InlineData(0, 4, 0.9f, 2, 6, 0.5f, 0)]
    [InlineData(0, 4, 0.9f, 2, 7, 0.5f, 1)]
    [InlineData(0, 4, 0.9f, 4, 7, 0.5f, 2)] // both
    public void Merge_SpansOfTwoWindows_KeepsOneOfThoseThatOverlap(
        int start, int end, float score, int otherStart, int otherEnd, float otherScore, int kept)
    {
        TextSpan first = new("A", score, start, end, ""), second = new("B", otherScore, otherStart, otherEnd, "");

        Assert.Equal(
            kept switch { 0 => [first], 1 => [second], _ => [first, second] },
            Slipway.Classifiers.SpanJoiner.Merge([[first], [second]]));
    }

    [Fact]
    public async Task Classify_IgnoredLabels_AreLeftOut()
    {
        var package = Export();
        var all = await ClassifyAsync(package, TokenAggregation.Simple);
        var label = all[0].Label;
        using var classifier = new OnnxTokenClassifier(new OnnxTokenClassifierOptions
        {
            PackagePath = package, IgnoredLabels = [label],
        });
        var rest = await classifier.ClassifyAsync([Text], TestContext.Current.CancellationToken);
        Assert.Equal(all.Where(span => span.Label != label), rest[0]);
        Assert.NotEqual(all.Count, rest[0].Count);
    }

    [Fact]
    public async Task Classify_SeveralTexts_GivesEachItsOwn()
    {
        var package = Export();
        using var classifier = new OnnxTokenClassifier(package);
        var together = await classifier.ClassifyAsync(
            ["t9", Text, "", "t1 t2 t3"], TestContext.Current.CancellationToken);
        Assert.Equal(4, together.Count);
        Assert.Empty(together[2]);
        foreach (var (text, spans) in ((string[])["t9", Text, "", "t1 t2 t3"]).Zip(together))
        {
            var alone = (await classifier.ClassifyAsync([text], TestContext.Current.CancellationToken))[0];
            Assert.Equal(
                alone.Select(span => (span.Label, span.Start)), spans.Select(span => (span.Label, span.Start)));
        }
    }

    [Fact]
    public async Task Classify_LongText_HasLabelsUpToTheContext()
    {
        using var classifier = new OnnxTokenClassifier(new OnnxTokenClassifierOptions
        {
            PackagePath = Export(), ContextLength = 3, Aggregation = TokenAggregation.None,
        });
        var spans = (await classifier.ClassifyAsync([Text], TestContext.Current.CancellationToken))[0];
        Assert.Equal([0, 5, 8], spans.Select(span => span.Start));
    }

    [Fact]
    public void Options_UnknownAggregation_IsRefused() => Assert.StartsWith(
        "PackagePath is missing; expected the folder of a package. Aggregation is '9'; expected None, Simple, First, "
        + "Average, Max.",
        Assert.Throws<ArgumentException>(() => new OnnxTokenClassifier(
            new OnnxTokenClassifierOptions { Aggregation = (TokenAggregation)9 })).Message,
        StringComparison.Ordinal);

    [Fact]
    public async Task Classify_ModelOfWholeTexts_IsRefused()
    {
        var package = TinyEncoders.Export("modernbert-classifier", _folder);
        using var classifier = new OnnxTokenClassifier(package);
        Assert.Equal(
            $"The model of '{package}' tells no labels of tokens; its outputs are 'logits'. Give the package of a "
            + "model for token classification; one for whole texts is OnnxTextClassifier's.",
            (await Assert.ThrowsAsync<NotSupportedException>(
                () => classifier.ClassifyAsync(["t1"], TestContext.Current.CancellationToken))).Message);
    }

    private string Export() => TinyEncoders.Export(
        "bert-token-classifier", _folder,
        config => config["id2label"] = new JsonObject(Enumerable.Range(0, Labels)
            .Select(id => KeyValuePair.Create($"{id}", (JsonNode?)Name(id)))),
        Words);

    // Few kinds, so that neighbours meet.
    private static string Name(int id) => $"{(id % 2 == 0 ? "B" : "I")}-{"XYZ"[id / 2 % 3]}";

    private static double[][] Scores(string package) =>
    [
        .. TinyEncoders.Run(package, Ids).Chunk(Labels).Select(logits =>
        {
            var sum = logits.Sum(logit => Math.Exp(logit));
            return logits.Select(logit => Math.Exp(logit) / sum).ToArray();
        }),
    ];

    private static async Task<IReadOnlyList<TextSpan>> ClassifyAsync(string package, TokenAggregation aggregation)
    {
        using var classifier = new OnnxTokenClassifier(
            new OnnxTokenClassifierOptions { PackagePath = package, Aggregation = aggregation });
        return (await classifier.ClassifyAsync([Text], TestContext.Current.CancellationToken))[0];
    }
}
