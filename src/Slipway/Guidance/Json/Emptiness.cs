using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Tells of sets of values that they hold none, as far as a short look shows it.</summary>
internal static class Emptiness
{
    private const int Deepest = 4;

    /// <summary>Whether the set is empty for sure.</summary>
    public static bool IsSure(ValueSet set, SchemaReader reader, int depth = 0)
        => set is { Null: false, True: false, False: false }
            && set.Numbers.All(range => NumberElement.Of(range) is null)
            && set.Texts.All(range => range.IsEmpty)
            && depth < Deepest
            && set.Arrays.All(shape => Enumerable.Range(0, Math.Min(shape.Least, shape.Prefix.Count))
                .Any(i => IsSure(shape.At(i), reader, depth)))
            && set.Objects.All(shape => shape.Required
                .Any(name => IsSure(shape.Layers.Aggregate(Formula.True, (all, layer) => all.And(layer.ValueOf(name))), reader, depth)));

    private static bool IsSure(Formula formula, SchemaReader reader, int depth)
    {
        if (formula.IsFalse)
        {
            return true;
        }

        try
        {
            return !formula.IsTrue && IsSure(reader.Read(formula), reader, depth + 1);
        }
        catch (SchemaLoopException)
        {
            return false; // it needs what is being read right now
        }
    }
}
