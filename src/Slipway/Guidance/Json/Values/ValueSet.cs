using System.Collections.Immutable;

namespace Slipway.Guidance.Json.Values;

/// <summary>A set of JSON values: for each type, alternatives. Immutable.</summary>
internal sealed record ValueSet
{
    private const int MaxAlternatives = 256;

    public static ValueSet None { get; } = new();

    public static ValueSet All { get; } = new()
    {
        Null = true,
        True = true,
        False = true,
        Numbers = [NumberRange.All],
        Texts = [TextRange.All],
        Arrays = [ArrayShape.All],
        Objects = [ObjectShape.All],
    };

    public bool Null { get; init; }

    public bool True { get; init; }

    public bool False { get; init; }

    public ImmutableList<NumberRange> Numbers { get; init; } = [];

    public ImmutableList<TextRange> Texts { get; init; } = [];

    public ImmutableList<ArrayShape> Arrays { get; init; } = [];

    public ImmutableList<ObjectShape> Objects { get; init; } = [];

    public bool IsNone => this is
    {
        Null: false, True: false, False: false, Numbers.Count: 0, Texts.Count: 0, Arrays.Count: 0, Objects.Count: 0,
    };

    public ValueSet Intersect(ValueSet other)
        => ReferenceEquals(other, All) ? this : ReferenceEquals(this, All) ? other : new()
        {
            Null = Null && other.Null,
            True = True && other.True,
            False = False && other.False,
            Numbers = Cross(
                Numbers, other.Numbers, (x, y) => x.Intersect(y), range => range.IsEmpty, range => range.IsAll),
            Texts = Cross(Texts, other.Texts, (x, y) => x.Intersect(y), range => range.IsEmpty, range => range.IsAll),
            Arrays = Cross(
                Arrays, other.Arrays, (x, y) => x.Intersect(y), shape => shape.IsEmpty, shape => shape.IsAll),
            Objects = Cross(
                Objects, other.Objects, (x, y) => x.Intersect(y), shape => shape.IsEmpty, shape => shape.IsAll),
        };

    public ValueSet Union(ValueSet other) => new()
    {
        Null = Null || other.Null,
        True = True || other.True,
        False = False || other.False,
        Numbers = Join(Numbers.AddRange(other.Numbers), range => range.IsAll),
        Texts = Join(Texts.AddRange(other.Texts), range => range.IsAll),
        Arrays = Join(Arrays.AddRange(other.Arrays), shape => shape.IsAll),
        Objects = Join(Objects.AddRange(other.Objects), shape => shape.IsAll),
    };

    /// <summary>All other values.</summary>
    /// <exception cref="UnguaranteedException">They cannot be told; the message names the keyword.</exception>
    public ValueSet Complement() => new()
    {
        Null = !Null,
        True = !True,
        False = !False,
        Numbers = Numbers.Aggregate(All.Numbers, (rest, range) => Cross(
            rest, [.. range.Complement()], (x, y) => x.Intersect(y), x => x.IsEmpty, x => x.IsAll)),
        Texts = Texts.Aggregate(All.Texts, (rest, range) => Cross(
            rest, [.. range.Complement()], (x, y) => x.Intersect(y), x => x.IsEmpty, x => x.IsAll)),
        Arrays = Arrays.Aggregate(All.Arrays, (rest, shape) => Cross(
            rest, [.. shape.Complement()], (x, y) => x.Intersect(y), x => x.IsEmpty, x => x.IsAll)),
        Objects = Objects.Aggregate(All.Objects, (rest, shape) => Cross(
            rest, [.. shape.Complement()], (x, y) => x.Intersect(y), x => x.IsEmpty, x => x.IsAll)),
    };

    private static ImmutableList<T> Cross<T>(
        ImmutableList<T> xs, ImmutableList<T> ys, Func<T, T, T> intersect, Func<T, bool> isEmpty, Func<T, bool> isAll)
    {
        Limit(xs.Count * ys.Count);
        return Join([.. xs.SelectMany(x => ys.Select(y => intersect(x, y))).Where(x => !isEmpty(x))], isAll);
    }

    private static ImmutableList<T> Join<T>(ImmutableList<T> alternatives, Func<T, bool> isAll)
    {
        Limit(alternatives.Count);
        return alternatives.Find(x => isAll(x)) is { } all ? [all] : [.. alternatives.Distinct()];
    }

    private static void Limit(int alternatives)
    {
        if (alternatives > MaxAlternatives)
        {
            throw new UnguaranteedException($"more than {MaxAlternatives} alternatives");
        }
    }
}
