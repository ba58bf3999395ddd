namespace Slipway.Guidance.Characters;

/// <summary>Tells which characters begin with some bytes of UTF-8. Source: Unicode 16, table 3-7.</summary>
internal static class Utf8Range
{
    /// <summary>Reads the first bytes of one character.</summary>
    /// <param name="bytes">One to four bytes, a character for each.</param>
    /// <returns>The first and the last character they can begin, and how many bytes are missing; -1 for no
    /// character.</returns>
    public static (int First, int Last, int Missing) Of(string bytes)
    {
        var lead = (int)bytes[0];
        var (length, value, min) = lead switch
        {
            < 0x80 => (1, lead, 0),
            >= 0xC2 and <= 0xDF => (2, lead & 0x1F, 0x80),
            >= 0xE0 and <= 0xEF => (3, lead & 0x0F, 0x800),
            >= 0xF0 and <= 0xF4 => (4, lead & 0x07, 0x10000),
            _ => (0, 0, 0),
        };
        if (bytes.Length > length || bytes.Skip(1).Any(next => next is < (char)0x80 or > (char)0xBF))
        {
            return (0, 0, -1);
        }

        value = bytes.Skip(1).Aggregate(value, (sum, next) => (sum << 6) | (next & 0x3F));
        var shift = 6 * (length - bytes.Length);
        var first = Math.Max(value << shift, min);
        var last = Math.Min((value << shift) + (1 << shift) - 1, CharacterSet.Last);

        // Halves of surrogate pairs are no characters.
        first = first is >= 0xD800 and <= 0xDFFF ? 0xE000 : first;
        last = last is >= 0xD800 and <= 0xDFFF ? 0xD7FF : last;
        return first <= last ? (first, last, length - bytes.Length) : (0, 0, -1);
    }
}
