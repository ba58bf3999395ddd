using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Json.Values;

/// <summary>Texts of a language within bounds of their length in characters. Immutable.</summary>
internal sealed record TextRange(CharacterAutomaton Automaton, int Least = 0, int? Most = null)
{
    public static TextRange All { get; } = new(CharacterAutomaton.All);

    public bool IsAll => Least == 0 && Most is null && Automaton.IsAll;

    public bool IsEmpty => Automaton.IsEmpty || Least > Most;

    public bool Contains(string text)
    {
        var length = text.EnumerateRunes().Count();
        return length >= Least && (Most is null || length <= Most) && Automaton.Contains(text);
    }

    public TextRange Intersect(TextRange other)
        => new(
            Automaton.Intersect(other.Automaton),
            Math.Max(Least, other.Least),
            Most is { } most && other.Most is { } others ? Math.Min(most, others) : Most ?? other.Most);

    /// <summary>All other texts.</summary>
    public IEnumerable<TextRange> Complement()
    {
        if (!Automaton.IsAll)
        {
            yield return new(Automaton.Complement());
        }

        if (Least > 0)
        {
            yield return new(CharacterAutomaton.All, 0, Least - 1);
        }

        if (Most is { } most)
        {
            yield return new(CharacterAutomaton.All, most + 1);
        }
    }
}
