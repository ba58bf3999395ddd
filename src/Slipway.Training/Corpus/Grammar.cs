using System.Text.Json.Nodes;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Corpus;

/// <summary>Holds what a grammar file says: what people ask for, how, and which tools serve it.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
internal sealed record Grammar(
    SplitRule Split,
    ValueScope Values,
    IReadOnlyList<ToolFamily> Families,
    IReadOnlyList<SmallTalk> SmallTalk,
    IReadOnlyList<string> SystemMessages,
    IReadOnlyList<string> NameAffixes,
    Wordings Openers,
    Wordings Closers,
    Wordings Joiners,
    IReadOnlyList<string> Refusals,
    IReadOnlyList<string> DoneResults,
    IReadOnlyList<string> DoneAnswers,
    IReadOnlyList<string> Errors,
    IReadOnlyList<string> ErrorAnswers)
{
    /// <summary>Gives made names; null for none.</summary>
    public NamePool? Pool => Values.Pool;

    /// <summary>Lists everything that people say.</summary>
    public IEnumerable<Wordings> Wordings() => Families.SelectMany(family => family.Intents)
        .SelectMany(intent => new[] { intent.Requests, intent.Phrases, intent.FollowUps })
        .Concat(SmallTalk.Select(talk => talk.Requests)).Append(Openers).Append(Closers);
}

/// <summary>Groups what people ask of one kind of thing with the tools that can serve it.</summary>
/// <param name="Name">The family's name.</param>
/// <param name="Topic">What a refusal calls it, such as <c>lights</c>.</param>
/// <param name="Weight">How often it is offered, against 1 for others.</param>
/// <param name="Slots">The kind of value of each slot.</param>
/// <param name="ParameterNames">The names that a parameter for a slot may have.</param>
/// <param name="Shapes">The ways to offer the family: each a list of tools; none where no tool serves it.</param>
/// <param name="Intents">What people ask for.</param>
internal sealed record ToolFamily(
    string Name,
    string Topic,
    int Weight,
    IReadOnlyDictionary<string, ValueKind> Slots,
    IReadOnlyDictionary<string, IReadOnlyList<string>> ParameterNames,
    IReadOnlyList<IReadOnlyList<ToolShape>> Shapes,
    IReadOnlyList<Intent> Intents)
{
    /// <summary>Finds the kind of a slot or of a part of it, such as <c>duration.amount</c>.</summary>
    public ValueKind? Kind(string path)
    {
        var parts = path.Split('.', 2);
        var kind = Slots.GetValueOrDefault(parts[0]);
        return parts.Length == 1 ? kind : kind?.Field(parts[1]);
    }
}

/// <summary>Describes a tool before its names are drawn.</summary>
internal sealed record ToolShape(
    IReadOnlyList<string> Names,
    IReadOnlyList<ParameterShape> Parameters,
    IReadOnlyDictionary<string, JsonNode> Implies,
    string Description);

/// <summary>Describes a parameter before its name is drawn.</summary>
/// <param name="Path">The slot, or part of one, that it takes.</param>
/// <param name="Required">Whether every call gives it.</param>
/// <param name="Sometimes">Whether only some offers have it.</param>
internal sealed record ParameterShape(string Path, bool Required, bool Sometimes)
{
    /// <summary>The slot that it takes or takes a part of.</summary>
    public string Slot { get; } = Path.Split('.', 2)[0];
}

/// <summary>Describes one thing that people ask for.</summary>
/// <param name="Name">The name by which a grammar that extends this one adds wordings; may be empty.</param>
/// <param name="Fixed">Slots whose value follows from the intent, such as <c>on</c>.</param>
/// <param name="Requests">Wordings that an opener or a closer may surround.</param>
/// <param name="Phrases">Wordings that stand alone.</param>
/// <param name="FollowUps">Wordings that repeat the request before them with another value.</param>
/// <param name="Results">What the tool may answer; empty where it only confirms.</param>
/// <param name="ResultSlots">The kinds of the values in the results.</param>
/// <param name="Answers">Sentences that tell the result.</param>
internal sealed record Intent(
    string Name,
    IReadOnlyDictionary<string, JsonNode> Fixed,
    Wordings Requests,
    Wordings Phrases,
    Wordings FollowUps,
    IReadOnlyList<JsonNode> Results,
    IReadOnlyDictionary<string, ValueKind> ResultSlots,
    IReadOnlyList<string> Answers);

/// <summary>Holds a topic to chat about without tools.</summary>
internal sealed record SmallTalk(Wordings Requests, IReadOnlyList<string> Answers);
