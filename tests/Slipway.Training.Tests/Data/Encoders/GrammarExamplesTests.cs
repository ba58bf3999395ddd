using Slipway.Testing;
using Slipway.Training.Corpus;
using Slipway.Training.Recipes;

namespace Slipway.Training.Data.Encoders;

public sealed class GrammarExamplesTests
{
    private static readonly string Grammar =
        Path.Combine(SharedAssets.Repository, "export-scripts", "device-assistant.grammar.json");

    [Fact]
    public void Of_Tags_MarksTheWordsOfSlots()
    {
        var lines = Read(StageKind.Tag);
        Assert.Equal(300, lines.Count);
        Assert.All(lines, line => Assert.Equal(
            line.Json["words"]!.AsArray().Count, line.Json["tags"]!.AsArray().Count));
        Assert.DoesNotContain(
            lines.SelectMany(line => line.Json["words"]!.AsArray()), word => $"{word}".Any(char.IsControl));
        var tags = lines.SelectMany(line => line.Json["tags"]!.AsArray().Select(tag => $"{tag}")).ToHashSet();
        Assert.Superset(new HashSet<string> { "O", "B-room", "B-level" }, tags);
    }

    [Fact]
    public void Of_Labels_NamesFamiliesAndHoldsWordingsOut()
    {
        var (training, heldOut) = (Read(StageKind.Classify), Read(StageKind.Classify, isTraining: false));
        Assert.Contains(training, line => $"{line.Json["label"]}" == "light");
        Assert.Empty(training.Select(Text).Intersect(heldOut.Select(Text)));

        static string Text(JsonLine line) => $"{line.Json["text"]}";
    }

    [Fact]
    public void Of_Pairs_SaysTheSameInOtherWords()
    {
        var lines = Read(StageKind.Embed);
        Assert.InRange(lines.Count, 200, 300);
        Assert.All(lines, line => Assert.NotEqual($"{line.Json["text"]}", $"{line.Json["positive"]}"));
    }

    private static List<JsonLine> Read(StageKind kind, bool isTraining = true) =>
        [.. GrammarExamples.Of(kind, new GrammarCorpus(Grammar, 3, 300, 100), Grammar, isTraining)];
}
