using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Json.Values;

/// <summary>Texts of a language within bounds of their length in characters. Immutable.</summary>
internal sealed record TextRange(CharacterAutomaton Automaton, int Min = 0, int? Max = null)
{
    public static TextRange All { get; } = new(CharacterAutomaton.All);

    public bool IsAll => Min == 0 && Max is null && Automaton.IsAll;

    public bool IsEmpty => Automaton.IsEmpty || Min > Max;

    public bool Contains(string text)
    {
        var length = text.EnumerateRunes().Count();
        return length >= Min && (Max is null || length <= Max) && Automaton.Contains(text);
    }

    public TextRange Intersect(TextRange other)
        => new(
            Automaton.Intersect(other.Automaton),
            Math.Max(Min, other.Min),
            Max is { } max && other.Max is { } others ? Math.Min(max, others) : Max ?? other.Max);

    /// <summary>All other texts.</summary>
    public IEnumerable<TextRange> Complement()
    {
        if (!Automaton.IsAll)
        {
            yield return new(Automaton.Complement());
        }

        if (Min > 0)
        {
            yield return new(CharacterAutomaton.All, 0, Min - 1);
        }

        if (Max is { } max)
        {
            yield return new(CharacterAutomaton.All, max + 1);
        }
    }
}
