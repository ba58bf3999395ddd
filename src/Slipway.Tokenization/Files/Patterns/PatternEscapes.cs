using System.Globalization;

namespace Slipway.Tokenization.Files.Patterns;

/// <summary>Reads the escapes that stand both inside and outside a character class.</summary>
internal static class PatternEscapes
{
    // What .NET knows by itself: the short names of categories.
    private static readonly HashSet<string> NativeNames = new(StringComparer.Ordinal)
    {
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "Z", "Zs", "Zl", "Zp", "C",
        "Cc", "Cf", "Cs", "Co", "Cn", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So",
    };

    /// <summary>Tells whether .NET reads an escape of a property as it stands.</summary>
    public static bool IsNative(string escape) => escape[^1] == '}' && escape.Length > 4
        && (NativeNames.Contains(escape[3..^1]) || escape.AsSpan(3).StartsWith("Is", StringComparison.Ordinal));

    /// <summary>Reads <c>\p{…}</c>, <c>\P{…}</c> or <c>\p{^…}</c>; null where something else stands there.</summary>
    /// <exception cref="TokenizerFormatException">No property has the name.</exception>
    public static CharacterSet? Property(string pattern, int at, Section section, out int end)
    {
        end = at;
        if (at + 2 >= pattern.Length || pattern[at + 1] is not ('p' or 'P') || pattern[at + 2] != '{')
        {
            return null;
        }

        var close = pattern.IndexOf('}', at);
        if (close < 0)
        {
            return null;
        }

        end = close + 1;
        var name = pattern[(at + 3)..close];
        var inverted = pattern[at + 1] == 'P' ^ name.StartsWith('^');
        if (IsNative(pattern[at..end]) && name.StartsWith("Is", StringComparison.Ordinal))
        {
            return new CharacterSet();
        }

        var set = CharacterSet.OfProperty(name.TrimStart('^')) ?? throw section.Error(
            $"'{section.Path}' holds a pattern with the property '{Quoted.Short(name)}', which is not known; expected "
            + "a category such as 'Lu', a script such as 'Han' or one of Alphabetic, Emoji, Extended_Pictographic, "
            + "Ideographic, Lowercase, Uppercase and White_Space.");
        return inverted ? set.Invert() : set;
    }

    /// <summary>Reads a character as <c>\x{…}</c> or <c>\u{…}</c>; null where something else stands there.</summary>
    public static int? Code(string pattern, int at, out int end)
    {
        end = at;
        if (at + 2 >= pattern.Length || pattern[at + 1] is not ('x' or 'u') || pattern[at + 2] != '{')
        {
            return null;
        }

        var close = pattern.IndexOf('}', at);
        if (close < 0 || !int.TryParse(
            pattern.AsSpan(at + 3, close - at - 3), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
            out var code) || code is < 0 or > 0x10FFFF or (>= 0xD800 and <= 0xDFFF))
        {
            return null;
        }

        end = close + 1;
        return code;
    }
}
