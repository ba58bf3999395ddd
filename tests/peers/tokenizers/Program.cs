using System.Globalization;
using System.Text;
using Slipway.Tokenization;

// Encodes and decodes the same texts with Hugging Face's tokenizers (Rust, through Tokenizers.DotNet) and Slipway, in
// turns within one run, and prints both rates: megabytes of UTF-8 a second of the processor, so that other programs
// count for little. Usage: TEXT.txt TOKENIZER.json…
if (args.Length < 2)
{
    Console.Error.WriteLine("Usage: TEXT.txt TOKENIZER.json [TOKENIZER.json …]");
    return 2;
}

var given = File.ReadAllText(args[0]);
(string Name, string Text)[] texts =
[
    (Path.GetFileName(args[0]), given),
    .. given.Length > 4 * Texts.PieceLength ? [("in pieces of 2000", given)] : Array.Empty<(string, string)>(),
    ("no spaces", Texts.WithoutSpaces(given, 500_000)),
    ("one letter", new string('a', 500_000)),
    ("spaces", new string(' ', 500_000)),
    ("random Unicode", Texts.Random(200_000)),
];
Console.WriteLine(
    $"{"tokenizer",-24} {"text",-20} {"ids",-10} {"encode MB/s",22} {"ratio",6} {"decode MB/s",22} {"ratio",6}");
foreach (var path in args[1..])
{
    using Peer peer = new(path);
    foreach (var (name, text) in texts)
    {
        peer.Compare(name, name.StartsWith("in pieces", StringComparison.Ordinal) ? Texts.Pieces(text) : [text]);
    }
}

return 0;

/// <summary>The two implementations of one tokenizer.</summary>
internal sealed class Peer(string path) : IDisposable
{
    private const int Rounds = 7;

    private readonly string _name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(path)))!;
    private readonly Tokenizers.DotNet.Tokenizer _rust = new(path);
    private readonly HuggingFaceTokenizer _own = HuggingFaceTokenizer.Load(path);

    public void Dispose() => _rust.Dispose();

    public void Compare(string name, string[] texts)
    {
        var megabytes = texts.Sum(Encoding.UTF8.GetByteCount) / 1e6;
        uint[][] rustIds = [];
        int[][] ownIds = [];
        string[] rustTexts = [], ownTexts = [];
        double[] rustEncode = new double[Rounds], ownEncode = new double[Rounds];
        double[] rustDecode = new double[Rounds], ownDecode = new double[Rounds];
        for (var round = -1; round < Rounds; round++)
        {
            var slot = Math.Max(round, 0);
            rustEncode[slot] = Rate(megabytes, () => rustIds = [.. texts.Select(_rust.Encode)]);
            ownEncode[slot] = Rate(megabytes, () => ownIds = [.. texts.Select(text => _own.Encode(text, true))]);
            rustDecode[slot] = Rate(megabytes, () => rustTexts = [.. rustIds.Select(_rust.Decode)]);
            ownDecode[slot] = Rate(megabytes, () => ownTexts = [.. ownIds.Select(ids => _own.Decode(ids, true))]);
        }

        var equal = rustIds.Zip(ownIds).All(pair => pair.First.Select(id => (int)id).SequenceEqual(pair.Second));
        if (!equal)
        {
            var first = rustIds.Zip(ownIds)
                .TakeWhile(pair => pair.First.Select(id => (int)id).SequenceEqual(pair.Second)).Count();
            ShowDifference(texts[first]);
        }

        var verdict = !equal ? "DIFFERENT" : rustTexts.SequenceEqual(ownTexts) ? "equal" : "equal*";
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{_name,-24} {name,-20} {verdict,-10} {Pair(rustEncode, ownEncode)} {Pair(rustDecode, ownDecode)}"));
    }

    // Drops characters at both ends for as long as what is left differs, and shows it.
    private void ShowDifference(string text)
    {
        List<Rune> runes = [.. text.EnumerateRunes()];
        for (var step = runes.Count / 2; step > 0; step = runes.Count == 1 ? 0 : Math.Max(step / 2, 1))
        {
            var (tail, head) = (runes.Take(runes.Count - step), runes.Skip(step));
            var shorter = Differs(tail) ? tail : Differs(head) ? head : null;
            if (shorter is null && step == 1)
            {
                break;
            }

            runes = [.. shorter ?? runes];
        }

        var part = string.Concat(runes);
        Console.WriteLine(
            $"  {string.Join(' ', runes.Take(20).Select(rune => $"U+{rune.Value:X4}"))}: "
            + string.Join(',', _rust.Encode(part).Take(40)) + " | "
            + string.Join(',', _own.Encode(part, true).Take(40)));
    }

    private bool Differs(IEnumerable<Rune> runes)
    {
        var text = string.Concat(runes);
        return text.Length > 0 && !_rust.Encode(text).Select(id => (int)id).SequenceEqual(_own.Encode(text, true));
    }

    private static double Rate(double megabytes, Action action)
    {
        var start = Environment.CpuUsage.TotalTime;
        action();
        return megabytes / (Environment.CpuUsage.TotalTime - start).TotalSeconds;
    }

    // Rates are medians; the ratio is the median of the ratios within a round.
    private static string Pair(double[] rust, double[] own)
    {
        var ratio = Median([.. own.Zip(rust, (mine, theirs) => mine / theirs)]);
        return string.Create(
            CultureInfo.InvariantCulture, $"{Median(rust),8:F1} | {Median(own),10:F1} {ratio,6:F2}");
    }

    private static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);
}

internal static class Texts
{
    public const int PieceLength = 2000;

    public static string[] Pieces(string text) => [.. text.Chunk(PieceLength).Select(piece => new string(piece))];

    public static string WithoutSpaces(string text, int length)
    {
        var dense = string.Concat(text.Where(character => !char.IsWhiteSpace(character)));
        return dense[..Math.Min(length, dense.Length)];
    }

    public static string Random(int length)
    {
        Random random = new(1);
        StringBuilder text = new();
        while (text.Length < length)
        {
            var code = random.Next(5) switch
            {
                0 => random.Next(0x80),
                1 => random.Next(0x800),
                2 => random.Next(0xD800),
                3 => random.Next(0x1F300, 0x1FA00),
                _ => random.Next(0x20000, 0x20100),
            };
            text.Append(char.ConvertFromUtf32(code));
        }

        return text.ToString();
    }
}
