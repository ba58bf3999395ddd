using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>Python's changes of case, which follow the full mappings of Unicode: 'ß' becomes 'SS'.</summary>
/// <remarks>Source: the Unicode Character Database, SpecialCasing.txt.</remarks>
internal static class Casing
{
    // Each entry is a character and its upper case, where that is more than one character.
    private static readonly Dictionary<char, string> LongUpper = (
        "ßSS|ŉʼN|ǰJ̌|ΐΪ́|ΰΫ́|ևԵՒ|ẖH̱|ẗT̈|ẘW̊|ẙY̊|ẚAʾ|ὐΥ̓|ὒΥ̓̀|ὔΥ̓́|ὖΥ̓͂|ᾀἈΙ|ᾁἉΙ|ᾂἊΙ|ᾃἋΙ|ᾄἌΙ|ᾅἍΙ|" +
        "ᾆἎΙ|ᾇἏΙ|ᾈἈΙ|ᾉἉΙ|ᾊἊΙ|ᾋἋΙ|ᾌἌΙ|ᾍἍΙ|ᾎἎΙ|ᾏἏΙ|ᾐἨΙ|ᾑἩΙ|ᾒἪΙ|ᾓἫΙ|ᾔἬΙ|ᾕἭΙ|ᾖἮΙ|ᾗἯΙ|ᾘἨΙ|ᾙἩΙ|ᾚἪΙ|ᾛἫΙ|" +
        "ᾜἬΙ|ᾝἭΙ|ᾞἮΙ|ᾟἯΙ|ᾠὨΙ|ᾡὩΙ|ᾢὪΙ|ᾣὫΙ|ᾤὬΙ|ᾥὭΙ|ᾦὮΙ|ᾧὯΙ|ᾨὨΙ|ᾩὩΙ|ᾪὪΙ|ᾫὫΙ|ᾬὬΙ|ᾭὭΙ|ᾮὮΙ|ᾯὯΙ|ᾲᾺΙ|ᾳΑΙ|" +
        "ᾴΆΙ|ᾶΑ͂|ᾷΑ͂Ι|ᾼΑΙ|ῂῊΙ|ῃΗΙ|ῄΉΙ|ῆΗ͂|ῇΗ͂Ι|ῌΗΙ|ῒΪ̀|ΐΪ́|ῖΙ͂|ῗΪ͂|ῢΫ̀|ΰΫ́|ῤΡ̓|ῦΥ͂|ῧΫ͂|ῲῺΙ|" +
        "ῳΩΙ|ῴΏΙ|ῶΩ͂|ῷΩ͂Ι|ῼΩΙ|ﬀFF|ﬁFI|ﬂFL|ﬃFFI|ﬄFFL|ﬅST|ﬆST|ﬓՄՆ|ﬔՄԵ|ﬕՄԻ|ﬖՎՆ|ﬗՄԽ"
        ).Split('|').ToDictionary(entry => entry[0], entry => entry[1..]);

    public static string Upper(string text)
    {
        var simple = text.ToUpperInvariant();
        return Ascii.IsValid(text) ? simple : Replace(text, simple, LongUpper);
    }

    public static string Lower(string text)
    {
        var simple = text.ToLowerInvariant();
        if (!text.AsSpan().ContainsAny('Σ', 'İ'))
        {
            return simple;
        }

        StringBuilder output = new(simple.Length);
        for (var i = 0; i < text.Length; i++)
        {
            // A sigma at the end of a word has another form.
            var ends = text[i] == 'Σ' && i > 0 && IsCased(text[i - 1])
                && (i + 1 == text.Length || !IsCased(text[i + 1]));
            _ = text[i] == 'İ' ? output.Append("i̇") : output.Append(ends ? 'ς' : simple[i]);
        }

        return output.ToString();
    }

    /// <summary>Each letter that follows none in upper case, the others in lower case.</summary>
    public static string Title(string text)
    {
        StringBuilder output = new(text.Length);
        var lower = Lower(text);
        var sameLength = lower.Length == text.Length;
        var inside = false;
        for (var i = 0; i < text.Length; i++)
        {
            _ = inside
                ? output.Append(sameLength ? lower[i] : char.ToLowerInvariant(text[i]))
                    : output.Append(TitleOf(text[i]));
            inside = IsCased(text[i]);
        }

        return output.ToString();
    }

    public static string Capitalize(string text) =>
        text.Length == 0 ? text : TitleOf(text[0]) + Lower(text)[(text[0] == 'İ' ? 2 : 1)..];

    public static string Swap(string text)
    {
        StringBuilder output = new(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            _ = !rune.IsAscii && (Rune.IsUpper(rune) || Rune.IsLower(rune))
                ? output.Append(Rune.IsUpper(rune) ? Lower(rune.ToString()) : Upper(rune.ToString()))
                : output.Append(Rune.IsUpper(rune) ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune));
        }

        return output.ToString();
    }

    /// <summary>Case folding, for all but the letters of Cherokee.</summary>
    public static string Fold(string text)
        => Ascii.IsValid(text) ? text.ToLowerInvariant() : text.AsSpan().ContainsAnyInRange('\u13a0', '\u13ff')
        || text.AsSpan().ContainsAnyInRange('\uab70', '\uabbf')
        ? throw Work.Error("'casefold' of Cherokee is not supported.")
        : string.Join('ı', text.Split('ı').Select(part => Upper(part).ToLowerInvariant()));

    public static bool IsCased(char character) => char.GetUnicodeCategory(character) is
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    public static string TitleOf(char character) => character switch
    {
        'Ǆ' or 'ǅ' or 'ǆ' => "ǅ",
        'Ǉ' or 'ǈ' or 'ǉ' => "ǈ",
        'Ǌ' or 'ǋ' or 'ǌ' => "ǋ",
        'Ǳ' or 'ǲ' or 'ǳ' => "ǲ",
        >= '\u10d0' and <= '\u10ff' => character.ToString(),
        >= '\u1f80' and <= '\u1faf' => ((char)(character | 8)).ToString(),
        'ᾳ' or 'ῃ' or 'ῳ' => ((char)(character + 9)).ToString(),
        'ᾼ' or 'ῌ' or 'ῼ' => character.ToString(),
        _ when LongUpper.TryGetValue(character, out var upper) => upper[..1] + upper[1..].ToLowerInvariant(),
        _ => char.ToUpperInvariant(character).ToString(),
    };

    private static string Replace(string text, string simple, Dictionary<char, string> map)
    {
        StringBuilder? output = null;
        for (var i = 0; i < text.Length; i++)
        {
            if (map.TryGetValue(text[i], out var longer))
            {
                (output ??= new StringBuilder(simple, 0, i, simple.Length + 16)).Append(longer);
            }
            else
            {
                output?.Append(simple[i]);
            }
        }

        return output?.ToString() ?? simple;
    }
}
