using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Unicode;

/// <summary>Holds the scripts and some binary properties of Unicode, and the categories by their names.</summary>
/// <remarks>
/// The runtime has categories only. The table is made by <c>generate-properties.mjs</c>; names are compared without
/// case, spaces, hyphens and underscores, as Unicode Standard Annex 44 has it.
/// </remarks>
internal sealed class UnicodeProperties
{
    private const string Resource = "properties.txt";

    // In the order of UnicodeCategory.
    private static readonly (string Short, string Long)[] CategoryNames =
    [
        ("Lu", "UppercaseLetter"), ("Ll", "LowercaseLetter"), ("Lt", "TitlecaseLetter"), ("Lm", "ModifierLetter"),
        ("Lo", "OtherLetter"), ("Mn", "NonspacingMark"), ("Mc", "SpacingMark"), ("Me", "EnclosingMark"),
        ("Nd", "DecimalNumber"), ("Nl", "LetterNumber"), ("No", "OtherNumber"), ("Zs", "SpaceSeparator"),
        ("Zl", "LineSeparator"), ("Zp", "ParagraphSeparator"), ("Cc", "Control"), ("Cf", "Format"),
        ("Cs", "Surrogate"), ("Co", "PrivateUse"), ("Pc", "ConnectorPunctuation"), ("Pd", "DashPunctuation"),
        ("Ps", "OpenPunctuation"), ("Pe", "ClosePunctuation"), ("Pi", "InitialPunctuation"),
        ("Pf", "FinalPunctuation"), ("Po", "OtherPunctuation"), ("Sm", "MathSymbol"), ("Sc", "CurrencySymbol"),
        ("Sk", "ModifierSymbol"), ("So", "OtherSymbol"), ("Cn", "Unassigned"),
    ];

    private static readonly (string Short, string Long)[] GroupNames =
    [
        ("L", "Letter"), ("M", "Mark"), ("N", "Number"), ("Z", "Separator"), ("C", "Other"), ("P", "Punctuation"),
        ("S", "Symbol"),
    ];

    private static readonly Lazy<UnicodeProperties> Loaded = new(() => new UnicodeProperties());

    private readonly Dictionary<string, (int First, int Last)[]> _ranges = new(StringComparer.Ordinal);
    private readonly List<((int First, int Last)[] Ranges, bool IsScript)> _properties = [];
    private readonly Lazy<int[]> _signatures;
    private readonly Lazy<Dictionary<(UnicodeCategory Category, int Signature), char>> _likes;
    private readonly Dictionary<string, string> _categories = new(StringComparer.Ordinal)
    {
        ["lc"] = "LuLlLt", ["casedletter"] = "LuLlLt",
    };

    private UnicodeProperties()
    {
        foreach (var (name, longName) in CategoryNames.Concat(GroupNames))
        {
            _categories[Plain(name)] = name;
            _categories[Plain(longName)] = name;
        }

        using var stream = typeof(UnicodeProperties).Assembly.GetManifestResourceStream(Resource)!;
        using StreamReader reader = new(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line[0] != '#')
            {
                var words = line.TrimStart('+').Split(' ');
                (int, int)[] ranges = [.. words[2..].Select(ReadRange)];
                _properties.Add((ranges, line[0] != '+'));
                _ranges[Plain(words[0])] = ranges;
                _ranges[Plain(words[1])] = ranges;
            }
        }

        _signatures = new(FindSignatures);
        _likes = new(FindLikes);
    }

    /// <summary>Read once, when a pattern first needs it.</summary>
    public static UnicodeProperties Instance => Loaded.Value;

    /// <summary>The ranges of a script or a binary property; null where there is none of that name.</summary>
    public (int First, int Last)[]? Find(string name) => _ranges.GetValueOrDefault(Plain(name));

    /// <summary>The categories of a name, such as <c>Lu</c>, <c>L</c> or <c>Letter</c>; null for another.</summary>
    public Func<UnicodeCategory, bool>? FindCategory(string name)
    {
        if (!_categories.TryGetValue(Plain(name), out var found))
        {
            return null;
        }

        return category => CategoryNames[(int)category].Short is var own
            && (found.Length == 1 ? own[0] == found[0] : found.Contains(own, StringComparison.Ordinal));
    }

    /// <summary>
    /// The last character below U+10000 that has a character's category, script and binary properties; null where none
    /// has them.
    /// </summary>
    public char? Like(Rune rune) =>
        _likes.Value.TryGetValue((Rune.GetUnicodeCategory(rune), _signatures.Value[rune.Value]), out var like)
            ? like : null;

    // By code point: the script's number, and above it a bit for each binary property.
    private int[] FindSignatures()
    {
        var signatures = new int[0x110000];
        int number = 0, bit = 1 << 16;
        foreach (var (ranges, isScript) in _properties)
        {
            var mark = isScript ? ++number : bit;
            bit <<= isScript ? 0 : 1;
            foreach (var (first, last) in ranges)
            {
                for (var code = first; code <= last; code++)
                {
                    signatures[code] |= mark;
                }
            }
        }

        return signatures;
    }

    private Dictionary<(UnicodeCategory Category, int Signature), char> FindLikes()
    {
        Dictionary<(UnicodeCategory Category, int Signature), char> likes = [];
        for (var code = 0; code < 0x10000; code++)
        {
            likes[(char.GetUnicodeCategory((char)code), _signatures.Value[code])] = (char)code;
        }

        return likes;
    }

    private static string Plain(string name) => string.Concat(
        name.Where(character => character is not (' ' or '-' or '_')).Select(char.ToLowerInvariant));

    private static (int First, int Last) ReadRange(string text)
    {
        static int Code(string hex) => int.Parse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var ends = text.Split('-');
        return (Code(ends[0]), Code(ends[^1]));
    }
}
