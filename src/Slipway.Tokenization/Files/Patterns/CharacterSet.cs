using System.Collections;
using System.Globalization;
using System.Text;
using Slipway.Tokenization.Unicode;

namespace Slipway.Tokenization.Files.Patterns;

/// <summary>A set of UTF-16 units that becomes a character class of .NET.</summary>
internal sealed class CharacterSet
{
    private const int Units = 0x10000;

    private readonly BitArray _units = new(Units);

    /// <summary>Adds a range, as far as it lies below U+10000.</summary>
    public CharacterSet Add(int first, int last)
    {
        for (var unit = first; unit <= Math.Min(last, Units - 1); unit++)
        {
            _units[unit] = true;
        }

        return this;
    }

    /// <summary>Adds the units of some categories.</summary>
    public CharacterSet Add(Func<UnicodeCategory, bool> isIn)
    {
        for (var unit = 0; unit < Units; unit++)
        {
            _units[unit] |= isIn(char.GetUnicodeCategory((char)unit));
        }

        return this;
    }

    public CharacterSet Add(CharacterSet other)
    {
        _units.Or(other._units);
        return this;
    }

    public CharacterSet Intersect(CharacterSet other)
    {
        _units.And(other._units);
        return this;
    }

    public CharacterSet Invert()
    {
        _units.Not();
        return this;
    }

    /// <summary>The characters of a property; null where there is none of that name.</summary>
    /// <param name="name">A category, a script or a binary property; <c>sc=</c> and the like may stand before.</param>
    public static CharacterSet? OfProperty(string name)
    {
        var bare = name[(name.IndexOf('=', StringComparison.Ordinal) + 1)..];
        if (UnicodeProperties.Instance.FindCategory(bare) is { } category)
        {
            return new CharacterSet().Add(category);
        }

        if (bare.Equals("any", StringComparison.OrdinalIgnoreCase))
        {
            return new CharacterSet().Invert();
        }

        if (UnicodeProperties.Instance.Find(bare) is not { } ranges)
        {
            return null;
        }

        CharacterSet set = new();
        foreach (var (first, last) in ranges)
        {
            set.Add(first, last);
        }

        return set;
    }

    /// <summary>
    /// Letters, marks, decimal digits and connectors, as <c>\w</c> is in Oniguruma; .NET's lacks some of them.
    /// </summary>
    public static CharacterSet Word() => OfProperty("Alphabetic")!.Add(category =>
        category is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
            or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber
            or UnicodeCategory.ConnectorPunctuation);

    public static CharacterSet Space() => OfProperty("White_Space")!;

    /// <summary>The set as .NET writes it.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        for (var unit = 0; unit < Units; unit++)
        {
            if (_units[unit])
            {
                var first = unit;
                while (unit + 1 < Units && _units[unit + 1])
                {
                    unit++;
                }

                text.Append(CultureInfo.InvariantCulture, $"\\u{first:X4}");
                if (unit > first)
                {
                    text.Append(CultureInfo.InvariantCulture, $"-\\u{unit:X4}");
                }
            }
        }

        return text.Length == 0 ? "(?!)" : $"[{text}]";
    }
}
