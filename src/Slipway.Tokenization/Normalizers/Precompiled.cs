using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Normalizers;

/// <summary>
/// SentencePiece's normalization rules: a double-array trie of what is replaced, and the replacements.
/// </summary>
/// <remarks>
/// The bytes are: the trie's length (32 bits), its units (32 bits each), then replacements that each end in a zero.
/// Source: the darts-clone trie and SentencePiece's <c>normalizer.cc</c>.
/// </remarks>
internal sealed class Precompiled : TextNormalizer
{
    // Clusters of at least this many bytes are looked up character by character.
    private const int LongCluster = 6;

    private readonly uint[] _units;
    private readonly byte[] _replacements;

    private Precompiled(uint[] units, byte[] replacements) => (_units, _replacements) = (units, replacements);

    public static Precompiled Parse(Section section)
    {
        var map = section["precompiled_charsmap"];
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

        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length % sizeof(uint) != 0 || length == 0 || length > bytes.Length - sizeof(uint))
        {
            return null;
        }

        var trie = bytes.Slice(sizeof(uint), (int)length);
        var units = new uint[length / sizeof(uint)];
        for (var i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(trie[(i * sizeof(uint))..]);
        }

        return new Precompiled(units, bytes[(sizeof(uint) + (int)length)..].ToArray());
    }

    public override string Normalize(string text)
    {
        StringBuilder result = new(text.Length);
        Span<char> characters = stackalloc char[2];
        for (var at = 0; at < text.Length;)
        {
            var length = ClusterLength(text, at);
            var cluster = text.AsSpan(at, length);
            at += length;
            if (cluster.Length < LongCluster && Encoding.UTF8.GetByteCount(cluster) < LongCluster
                && Find(cluster) is { } whole)
            {
                result.Append(whole);
                continue;
            }

            foreach (var rune in cluster.EnumerateRunes())
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
        var utf8 = Encoding.UTF8.GetBytes(text);
        List<byte> result = new(utf8.Length);
        for (var at = 0; at < utf8.Length;)
        {
            var (rule, length) = Longest(utf8.AsSpan(at));
            if (length > 0)
            {
                ReadOnlySpan<byte> rest = _replacements.AsSpan((int)Math.Min(rule, (uint)_replacements.Length));
                var end = rest.IndexOf((byte)0);
                result.AddRange(end < 0 ? rest : rest[..end]);
                at += length;
            }
            else
            {
                Rune.DecodeFromUtf8(utf8.AsSpan(at), out _, out var size);
                result.AddRange(utf8.AsSpan(at, size));
                at += size;
            }
        }

        return Encoding.UTF8.GetString([.. result]);
    }

    private (uint Rule, int Length) Longest(ReadOnlySpan<byte> text)
    {
        var (rule, length) = (0u, 0);
        var unit = _units[0];
        var position = Offset(unit);
        for (var i = 0; i < text.Length; i++)
        {
            position ^= text[i];
            if (text[i] == 0 || position >= _units.Length)
            {
                break;
            }

            unit = _units[position];
            if ((unit & 0x8000_00FF) != text[i])
            {
                break;
            }

            position ^= Offset(unit);
            if ((unit & 0x100) != 0 && position < _units.Length)
            {
                (rule, length) = (_units[position] & 0x7FFF_FFFF, i + 1);
            }
        }

        return (rule, length);
    }

    private static int ClusterLength(string text, int at) =>
        at + 1 < text.Length && text[at] is >= ' ' and < '\x7F' && text[at + 1] is >= ' ' and < '\x7F'
            ? 1 : StringInfo.GetNextTextElementLength(text, at);

    // Finds the replacement of the shortest rule that begins the text; null where there is none.
    private string? Find(ReadOnlySpan<char> text)
    {
        Span<byte> utf8 = stackalloc byte[4 * LongCluster];
        var count = Encoding.UTF8.GetBytes(text, utf8);
        var unit = _units[0];
        var position = Offset(unit);
        for (var i = 0; i < count; i++)
        {
            position ^= utf8[i];
            if (utf8[i] == 0 || position >= _units.Length)
            {
                return null;
            }

            unit = _units[position];
            if ((unit & 0x8000_00FF) != utf8[i])
            {
                return null;
            }

            position ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                return position < _units.Length ? Replacement(_units[position] & 0x7FFF_FFFF) : null;
            }
        }

        return null;
    }

    private static long Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private string? Replacement(uint start)
    {
        if (start >= _replacements.Length)
        {
            return null;
        }

        ReadOnlySpan<byte> rest = _replacements.AsSpan((int)start);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
