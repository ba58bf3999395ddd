using System.Globalization;
using System.Numerics;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Lists the values of a set as they are written, where they are few and none is an array or an object.</summary>
internal static class FiniteValues
{
    /// <summary>The values; null where they are more than <paramref name="most"/>.</summary>
    public static IReadOnlyList<string>? Of(ValueSet set, JsonLiterals literals, int most)
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
            if (Integers(range, most) is not { } numbers)
            {
                return null;
            }

            all.AddRange(numbers);
        }

        foreach (var range in set.Texts)
        {
            if (range.Automaton.Words(most) is not { } words)
            {
                return null;
            }

            all.AddRange(words.Where(range.Contains).Select(literals.Write));
        }

        return all.Count <= most ? [.. all.Distinct()] : null;
    }

    private static List<string>? Integers(NumberRange range, int most)
    {
        if (range is not { Least: { } least, Most: { } last, NoMultiples.Count: 0 }
            || least.Scale > 0 || last.Scale > 0
            || !(least == last || range.Multiples.Contains(JsonDecimal.One))
            || range.Multiples.Count > 1
            || last.Unscaled - least.Unscaled > most + 1)
        {
            return null;
        }

        var numbers = new List<string>();
        var (from, to) = (least.Unscaled + (range.ExcludesLeast ? 1 : 0), last.Unscaled - (range.ExcludesMost ? 1 : 0));
        for (BigInteger value = from; value <= to; value++)
        {
            numbers.Add(value.ToString(CultureInfo.InvariantCulture));
        }

        return numbers;
    }
}
