using System.Collections.Immutable;
using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Json.Values;

/// <summary>Rules of one schema for an object's members. Compared by reference.</summary>
/// <param name="properties">Members by name, in the schema's order.</param>
/// <param name="patterns">Members whose name matches a pattern.</param>
/// <param name="others">All other members.</param>
/// <param name="saysOthers">Whether the schema itself says what the others are.</param>
internal sealed class MemberLayer(
    OrderedDictionary<string, Formula> properties,
    ImmutableList<(string Pattern, CharacterAutomaton Names, Formula Value)> patterns,
    Formula others,
    bool saysOthers)
{
    public OrderedDictionary<string, Formula> Properties => properties;

    public ImmutableList<(string Pattern, CharacterAutomaton Names, Formula Value)> Patterns => patterns;

    public Formula Others => others;

    public bool SaysOthers => saysOthers;

    public static MemberLayer Of(string name, Formula value)
        => new(new() { [name] = value }, [], Formula.True, saysOthers: false);

    /// <summary>Values of a member of a name.</summary>
    public Formula ValueOf(string name)
        => ValueOf(properties.GetValueOrDefault(name), pattern => pattern.Contains(name));

    /// <summary>Values of a member whose name is not among the properties.</summary>
    /// <param name="matches">The patterns that the name matches.</param>
    public Formula ValueOf(IReadOnlySet<string> matches)
        => patterns.Any(row => matches.Contains(row.Pattern))
            ? patterns.Where(row => matches.Contains(row.Pattern))
            .Aggregate(Formula.True, (all, row) => all.And(row.Value))
            : others;

    private Formula ValueOf(Formula? named, Func<CharacterAutomaton, bool> matches)
    {
        var matched = patterns.Where(row => matches(row.Names)).Select(row => row.Value).ToList();
        if (named is not null)
        {
            matched.Add(named);
        }

        return matched.Count == 0 ? others : matched.Aggregate(Formula.True, (all, value) => all.And(value));
    }
}
