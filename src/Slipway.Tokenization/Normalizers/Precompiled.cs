using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Normalizers;

/// <summary>SentencePiece's normalization rules: a double-array trie of what is replaced, and the replacements.</summary>
/// <remarks>
/// The bytes are: the trie's length (32 bits), its units (32 bits each), then replacements that each end in a zero.
/// Source: the darts-clone trie and SentencePiece's <c>normalizer.cc</c>.
/// </remarks>
internal sealed class Precompiled : TextNormalizer
{
    // Clusters of at least this many bytes are looked up character by character.
    private const int LongCluster = 6;

    private readonly uint[] units;
    private readonly byte[] replacements;

    private Precompiled(uint[] units, byte[] replacements) => (this.units, this.replacements) = (units, replacements);

    public static Precompiled Parse(Section section)
    {
        Section map = section["precompiled_charsmap"];
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(map.AsString());
        }
        catch (FormatException)
        {
            throw map.Wrong("base64 text");
        }

        return Read(bytes) ?? throw map.Error(
            $"'{map.Path}' holds {bytes.Length} bytes that are not a table of normalization rules.");
    }

    /// <summary>Reads the table; null where it contradicts itself.</summary>
    public static Precompiled? Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(uint))
        {
            return null;
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length % sizeof(uint) != 0 || length == 0 || length > bytes.Length - sizeof(uint))
        {
            return null;
        }

        ReadOnlySpan<byte> trie = bytes.Slice(sizeof(uint), (int)length);
        uint[] units = new uint[length / sizeof(uint)];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(trie[(i * sizeof(uint))..]);
        }

        return new Precompiled(units, bytes[(sizeof(uint) + (int)length)..].ToArray());
    }

    public override string Normalize(string text)
    {
        StringBuilder result = new(text.Length);
        Span<char> characters = stackalloc char[2];
        for (int at = 0; at < text.Length;)
        {
            int length = ClusterLength(text, at);
            ReadOnlySpan<char> cluster = text.AsSpan(at, length);
            at += length;
            if (cluster.Length < LongCluster && Encoding.UTF8.GetByteCount(cluster) < LongCluster
                && Find(cluster) is { } whole)
            {
                result.Append(whole);
                continue;
            }

            foreach (Rune rune in cluster.EnumerateRunes())
            {
                ReadOnlySpan<char> character = characters[..rune.EncodeToUtf16(characters)];
                result.Append(Find(character) ?? character.ToString());
            }
        }

        return result.ToString();
    }

    /// <summary>Replaces the longest text that a rule begins with at each position, as SentencePiece does.</summary>
    public string NormalizeLongest(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        List<byte> result = new(utf8.Length);
        for (int at = 0; at < utf8.Length;)
        {
            (uint rule, int length) = Longest(utf8.AsSpan(at));
            if (length > 0)
            {
                ReadOnlySpan<byte> rest = replacements.AsSpan((int)Math.Min(rule, (uint)replacements.Length));
                int end = rest.IndexOf((byte)0);
                result.AddRange(end < 0 ? rest : rest[..end]);
                at += length;
            }
            else
            {
                Rune.DecodeFromUtf8(utf8.AsSpan(at), out _, out int size);
                result.AddRange(utf8.AsSpan(at, size));
                at += size;
            }
        }

        return Encoding.UTF8.GetString([.. result]);
    }

    private (uint Rule, int Length) Longest(ReadOnlySpan<byte> text)
    {
        (uint rule, int length) = (0, 0);
        uint unit = units[0];
        long position = Offset(unit);
        for (int i = 0; i < text.Length; i++)
        {
            position ^= text[i];
            if (text[i] == 0 || position >= units.Length)
            {
                break;
            }

            unit = units[position];
            if ((unit & 0x8000_00FF) != text[i])
            {
                break;
            }

            position ^= Offset(unit);
            if ((unit & 0x100) != 0 && position < units.Length)
            {
                (rule, length) = (units[position] & 0x7FFF_FFFF, i + 1);
            }
        }

        return (rule, length);
    }

    private static int ClusterLength(string text, int at) =>
        at + 1 < text.Length && text[at] is >= ' ' and < '\x7F' && text[at + 1] is >= ' ' and < '\x7F'
            ? 1 : StringInfo.GetNextTextElementLength(text, at);

    // What the shortest rule that begins the text replaces it with; null where there is none.
    private string? Find(ReadOnlySpan<char> text)
    {
        Span<byte> utf8 = stackalloc byte[4 * LongCluster];
        int count = Encoding.UTF8.GetBytes(text, utf8);
        uint unit = units[0];
        long position = Offset(unit);
        for (int i = 0; i < count; i++)
        {
            position ^= utf8[i];
            if (utf8[i] == 0 || position >= units.Length)
            {
                return null;
            }

            unit = units[position];
            if ((unit & 0x8000_00FF) != utf8[i])
            {
                return null;
            }

            position ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                return position < units.Length ? Replacement(units[position] & 0x7FFF_FFFF) : null;
            }
        }

        return null;
    }

    private static long Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private string? Replacement(uint start)
    {
        if (start >= replacements.Length)
        {
            return null;
        }

        ReadOnlySpan<byte> rest = replacements.AsSpan((int)start);
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
