using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Tells of sets of values that they hold none, as far as a short look shows it.</summary>
internal sealed class Emptiness
{
    private const int Deepest = 4;
    private const int MaxLooks = 10_000;

    private readonly SchemaReader _reader;
    private int _looks;

    private Emptiness(SchemaReader reader) => _reader = reader;

    /// <summary>Tells whether the set is empty for sure.</summary>
    public static bool IsSure(ValueSet set, SchemaReader reader) => new Emptiness(reader).IsSure(set, 0);

    private bool IsSure(ValueSet set, int depth)
        => set is { Null: false, True: false, False: false }
            && set.Numbers.All(range => NumberElement.Of(range) is null)
            && set.Texts.All(range => range.IsEmpty)
            && depth < Deepest
            && set.Arrays.All(shape => Enumerable.Range(0, Math.Min(shape.Min, shape.Prefix.Count))
                .Any(i => IsSure(shape.At(i), depth)))
            && set.Objects.All(shape => shape.Required
                .Any(
                    name => IsSure(
                        shape.Layers.Aggregate(Formula.True, (all, layer) => all.And(layer.ValueOf(name))), depth)));

    private bool IsSure(Formula formula, int depth)
    {
        if (formula.IsFalse)
        {
            return true;
        }

        // Members of members of members are many, and a look that is not finished is not sure.
        if (++_looks > MaxLooks)
        {
            return false;
        }

        try
        {
            return !formula.IsTrue && IsSure(_reader.Read(formula), depth + 1);
        }
        catch (SchemaLoopException)
        {
            return false; // it needs what is being read right now
        }
    }
}
