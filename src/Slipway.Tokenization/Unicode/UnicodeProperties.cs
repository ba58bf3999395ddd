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
    private readonly Lazy<Dictionary<(UnicodeCategory Category, int Script, int Flags), char>> _likes;
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
        _likes.Value.TryGetValue(Signature(rune.Value, Rune.GetUnicodeCategory(rune)), out var like) ? like : null;

    private Dictionary<(UnicodeCategory Category, int Script, int Flags), char> FindLikes()
    {
        Dictionary<(UnicodeCategory Category, int Script, int Flags), char> likes = [];
        for (var code = 0; code < 0x10000; code++)
        {
            likes[Signature(code, char.GetUnicodeCategory((char)code))] = (char)code;
        }

        return likes;
    }

    private (UnicodeCategory Category, int Script, int Flags) Signature(int code, UnicodeCategory category)
    {
        var (script, flags) = (-1, 0);
        for (var i = 0; i < _properties.Count; i++)
        {
            if (Contains(_properties[i].Ranges, code))
            {
                (script, flags) = _properties[i].IsScript ? (i, flags) : (script, flags | (1 << (i % 32)));
            }
        }

        return (category, script, flags);
    }

    private static bool Contains((int First, int Last)[] ranges, int code)
    {
        int low = 0, high = ranges.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (code < ranges[middle].First)
            {
                high = middle - 1;
            }
            else if (code > ranges[middle].Last)
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
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
