using System.Globalization;

namespace Slipway.Guidance.Characters;

/// <summary>A set of characters (Unicode code points without halves of surrogate pairs). Immutable.</summary>
internal sealed class CharacterSet
{
    public const int Last = 0x10FFFF;
    private static readonly Lazy<Dictionary<UnicodeCategory, CharacterSet>> Categories = new(ByCategory);

    private CharacterSet((int First, int Last)[] ranges) => Ranges = ranges;

    /// <summary>Every character.</summary>
    public static CharacterSet All { get; } = Of([(0, 0xD7FF), (0xE000, Last)]);

    /// <summary>The ranges in order, both ends included, with gaps between them.</summary>
    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    /// <summary>Makes a set of ranges in any order, overlapping or not.</summary>
    public static CharacterSet Of(IEnumerable<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>();
        foreach (var range in ranges.Order())
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
            {
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            }
            else
            {
                merged.Add(range);
            }
        }

        return new([.. merged]);
    }

    /// <summary>Makes a set of one character.</summary>
    public static CharacterSet Of(int character) => new([(character, character)]);

    /// <summary>The characters of some categories.</summary>
    public static CharacterSet Of(params UnicodeCategory[] categories)
        => Of(categories.SelectMany(category => Categories.Value[category].Ranges));

    public CharacterSet Union(CharacterSet other) => Of(Ranges.Concat(other.Ranges));

    /// <summary>All other characters.</summary>
    public CharacterSet Complement()
    {
        var rest = new List<(int, int)>();
        var next = 0;
        foreach (var (first, last) in Ranges.Append((Last + 1, Last + 1)))
        {
            // Halves of surrogate pairs are in no set.
            Add(next, Math.Min(first - 1, 0xD7FF));
            Add(Math.Max(next, 0xE000), first - 1);
            next = last + 1;
        }

        return Of(rest);

        void Add(int first, int last)
        {
            if (first <= last)
            {
                rest.Add((first, last));
            }
        }
    }

    private static Dictionary<UnicodeCategory, CharacterSet> ByCategory()
    {
        var ranges = Enum.GetValues<UnicodeCategory>().ToDictionary(category => category, _ => new List<(int, int)>());
        var first = 0;
        for (var character = 1; character <= Last + 1; character++)
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(first);
            if (character > Last || CharUnicodeInfo.GetUnicodeCategory(character) != category)
            {
                if (category != UnicodeCategory.Surrogate)
                {
                    ranges[category].Add((first, character - 1));
                }

                first = character;
            }
        }

        return ranges.ToDictionary(row => row.Key, row => Of(row.Value));
    }
}
