using System.Collections.Frozen;
using System.Globalization;

namespace Slipway.Tokenization.Unicode;

/// <summary>Holds the combining classes, decompositions and compositions of Unicode 16.0.0.</summary>
/// <remarks>
/// The runtime's own normalization needs ICU, which may be absent or switched off (then it silently changes nothing).
/// The table is made by <c>generate.mjs</c> from the Unicode Character Database; Hangul syllables are computed.
/// </remarks>
internal sealed class NormalizationData
{
    private const string Resource = "normalization.txt";

    // Below, form C leaves every character as it is.
    private const int FirstMark = 0x300;

    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<int, (bool Compatible, int[] Target)> _mappings = [];
    private readonly HashSet<int> _exclusions = [];
    private readonly bool[] _unstable = new bool[0x10000];

    private NormalizationData()
    {
        using var stream = typeof(NormalizationData).Assembly.GetManifestResourceStream(Resource)!;
        using StreamReader reader = new(stream);
        while (reader.ReadLine() is { } line)
        {
            ReadLine(line);
        }

        CombiningClasses = _classes.ToFrozenDictionary();
        Canonical = _mappings.Where(entry => !entry.Value.Compatible)
            .ToFrozenDictionary(entry => entry.Key, entry => Expand(entry.Key, compatible: false).ToArray());
        Compatible = _mappings.ToFrozenDictionary(
            entry => entry.Key, entry => Expand(entry.Key, compatible: true).ToArray());
        Compositions = _mappings.Where(entry => !entry.Value.Compatible && Composes(entry.Key, entry.Value.Target))
            .ToFrozenDictionary(entry => Pair(entry.Value.Target[0], entry.Value.Target[1]), entry => entry.Key);
        FindUnstable();
    }

    /// <summary>Read once, when a text first needs it.</summary>
    public static NormalizationData Instance { get; } = new();

    /// <summary>The characters whose combining class is not 0.</summary>
    public FrozenDictionary<int, byte> CombiningClasses { get; }

    /// <summary>Full canonical decompositions.</summary>
    public FrozenDictionary<int, int[]> Canonical { get; }

    /// <summary>Full compatibility decompositions; holds the canonical ones too.</summary>
    public FrozenDictionary<int, int[]> Compatible { get; }

    /// <summary>The character that a pair composes to, by <see cref="Pair"/>.</summary>
    public FrozenDictionary<long, int> Compositions { get; }

    /// <summary>
    /// Tells whether form C may change a UTF-16 unit, or join it with what stands before it; true of surrogates.
    /// </summary>
    public bool IsUnstable(char unit) => unit >= FirstMark && _unstable[unit];

    public static long Pair(int first, int second) => ((long)first << 32) | (uint)second;

    // Vowels and tails of Hangul join by computation, all others by the table.
    private void FindUnstable()
    {
        var joining = Compositions.Keys.Select(pair => (int)(pair & 0xFFFF_FFFF));
        int[] hangul = [.. Enumerable.Range(0x1161, 21), .. Enumerable.Range(0x11A8, 27)];
        foreach (var code in CombiningClasses.Keys.Concat(Canonical.Keys).Concat(joining).Concat(hangul)
            .Concat(Enumerable.Range(0xD800, 0x800)).Where(code => code < _unstable.Length))
        {
            _unstable[code] = true;
        }
    }

    private void ReadLine(string line)
    {
        var words = line.TrimStart('=', '~', '!').Split(' ');
        switch (line[0])
        {
            case '#':
                break;
            case '!':
                _exclusions.UnionWith(words.Select(Hex));
                break;
            case '=' or '~':
                _mappings.Add(Hex(words[0]), (line[0] == '~', [.. words.Skip(1).Select(Hex)]));
                break;
            default:
                ReadClass(byte.Parse(words[0], CultureInfo.InvariantCulture), words.Skip(1));
                break;
        }
    }

    private void ReadClass(byte value, IEnumerable<string> ranges)
    {
        foreach (var range in ranges)
        {
            var ends = range.Split('-');
            for (var code = Hex(ends[0]); code <= Hex(ends[^1]); code++)
            {
                _classes.Add(code, value);
            }
        }
    }

    private IEnumerable<int> Expand(int code, bool compatible) =>
        _mappings.TryGetValue(code, out var mapping) && (compatible || !mapping.Compatible)
            ? mapping.Target.SelectMany(part => Expand(part, compatible))
            : [code];

    // Single characters, pairs that begin with a mark, and what Unicode lists never come back once taken apart.
    private bool Composes(int code, int[] target) =>
        target.Length == 2 && !_exclusions.Contains(code) && !_classes.ContainsKey(code)
        && !_classes.ContainsKey(target[0]);

    private static int Hex(string text)
        => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
