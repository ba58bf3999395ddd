namespace Slipway.Guidance.Json.Values;

/// <summary>
/// Schemas that hold, and schemas that do not, all at once for one value. Immutable; equal ones have equal keys.
/// </summary>
internal sealed class Formula : IEquatable<Formula>
{
    private const int MaxLiterals = 256;

    private Formula(SortedSet<(int Node, bool Holds)> literals)
    {
        Literals = [.. literals];
        Key = string.Join(',', Literals.Select(literal => literal.Holds ? $"{literal.Node}" : $"!{literal.Node}"));
        IsFalse = Literals.Any(literal => literal.Holds && literals.Contains((literal.Node, false)))
            || literals.Contains((SchemaNodes.Nothing, true));
    }

    /// <summary>Any value.</summary>
    public static Formula True { get; } = new([]);

    /// <summary>No value.</summary>
    public static Formula False { get; } = Of(SchemaNodes.Nothing);

    public IReadOnlyList<(int Node, bool Holds)> Literals { get; }

    public string Key { get; }

    public bool IsTrue => Literals.Count == 0;

    public bool IsFalse { get; }

    /// <summary>The values of a schema, or all others.</summary>
    public static Formula Of(int node, bool holds = true)
        => node == SchemaNodes.Anything && holds ? True
            : node == SchemaNodes.Nothing && !holds ? True
            : node == SchemaNodes.Anything ? False
            : new([(node, holds)]);

    /// <exception cref="UnguaranteedException">There are too many schemas of one value.</exception>
    public Formula And(Formula other)
        => other.IsTrue || Equals(other) ? this
            : IsTrue ? other
            : Literals.Count + other.Literals.Count <= MaxLiterals ? new([.. Literals, .. other.Literals])
            : throw new UnguaranteedException($"more than {MaxLiterals} schemas of one value");

    /// <summary>All other values, as alternatives.</summary>
    public IEnumerable<Formula> Complement() => Literals.Select(literal => Of(literal.Node, !literal.Holds));

    public bool Equals(Formula? other) => other is not null && Key == other.Key;

    public override bool Equals(object? obj) => Equals(obj as Formula);

    public override int GetHashCode() => Key.GetHashCode(StringComparison.Ordinal);
}
