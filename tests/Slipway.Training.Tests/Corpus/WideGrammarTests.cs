using System.Text.RegularExpressions;
using Slipway.Testing;
using Slipway.Training.Corpus;

namespace Slipway.Training.Tests.Corpus;

/// <summary>Reads the sentences of the grammar that the device assistant is trained on further.</summary>
public sealed partial class WideGrammarTests
{
    private static readonly Grammar First = Read("device-assistant.grammar.json");

    private static readonly Grammar Wide = Read("device-assistant.wide.grammar.json");

    // The first grammar stays as it is, since its conversations are a test.
    [Fact]
    public void Wordings_OfTheWideGrammar_AreWholeSentences()
    {
        string[] own = [.. Wordings(Wide).Except(Wordings(First))];
        Assert.True(own.Length > 25_000, $"{own.Length} wordings");
        Assert.DoesNotContain(own, wording => Doubled().IsMatch(wording)
            || wording.Contains("  ", StringComparison.Ordinal) || wording != wording.Trim());
        Assert.DoesNotContain(own, wording => Mismatched().IsMatch(wording));
    }

    // A word and itself between spaces.
    [GeneratedRegex(@"(?<![\w'{])(\w[\w']*) \1(?![\w'}])")]
    private static partial Regex Doubled();

    // An article before the wrong sound, a verb of the wrong number, and an infinitive where none can stand.
    [GeneratedRegex(@"\ba (?!one\b|uni|use)[aeiou]\w|\ban [b-df-gj-np-tv-z]\w|\b(light|lamp|door|speaker) are\b"
        + @"|\b(lights|lamps|doors|speakers) is\b|\bis \{\w+\} (play|leave|start|open|close)\b|\blet \{\w+\} to ")]
    private static partial Regex Mismatched();

    private static HashSet<string> Wordings(Grammar grammar) =>
    [
        .. Enum.GetValues<CorpusSplit>().SelectMany(split => grammar.Families.SelectMany(family => family.Intents)
            .SelectMany(intent => new[] { intent.Requests, intent.Phrases, intent.FollowUps })
            .Concat(grammar.SmallTalk.Select(talk => talk.Requests))
            .SelectMany(wordings => wordings.All(split))),
    ];

    private static Grammar Read(string file) =>
        new GrammarCorpus(Path.Combine(SharedAssets.Repository, "export-scripts", file), 1, 0, 0).Grammar;
}
