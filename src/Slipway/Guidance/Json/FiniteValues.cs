using System.Globalization;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>
/// Lists the values of a set as they are written, where they are few and none is an array or an object.
/// </summary>
internal static class FiniteValues
{
    /// <summary>The values; null where they are more than <paramref name="max"/>.</summary>
    public static IReadOnlyList<string>? Of(ValueSet set, JsonLiterals literals, int max)
    {
        if (set.Arrays.Count > 0 || set.Objects.Count > 0)
        {
            return null;
        }

        var all = new List<string>();
        all.AddRange(set.Null ? ["null"] : []);
        all.AddRange(set.True ? ["true"] : []);
        all.AddRange(set.False ? ["false"] : []);
        foreach (var range in set.Numbers)
        {
            if (Integers(range, max) is not { } numbers)
            {
                return null;
            }

            all.AddRange(numbers);
        }

        foreach (var range in set.Texts)
        {
            if (range.Automaton.Words(max) is not { } words)
            {
                return null;
            }

            all.AddRange(words.Where(range.Contains).Select(literals.Write));
        }

        return all.Count <= max ? [.. all.Distinct()] : null;
    }

    private static List<string>? Integers(NumberRange range, int max)
    {
        if (range is not { Min: { } min, Max: { } last, NoMultiples.Count: 0 }
            || min.Scale > 0 || last.Scale > 0
            || !(min == last || range.Multiples.Contains(JsonDecimal.One))
            || range.Multiples.Count > 1
            || last.Unscaled - min.Unscaled > max + 1)
        {
            return null;
        }

        var numbers = new List<string>();
        var (from, to) = (min.Unscaled + (range.ExcludesLeast ? 1 : 0), last.Unscaled - (range.ExcludesMost ? 1 : 0));
        for (var value = from; value <= to; value++)
        {
            numbers.Add(value.ToString(CultureInfo.InvariantCulture));
        }

        return numbers;
    }
}
