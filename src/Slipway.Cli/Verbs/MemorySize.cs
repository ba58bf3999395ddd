using System.Globalization;

namespace Slipway.Cli.Verbs;

/// <summary>Reads numbers of bytes as people write them: 8GiB, 500MB, 1e9.</summary>
internal static class MemorySize
{
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("KB", 1e3), ("MB", 1e6),
        ("GB", 1e9), ("TB", 1e12), ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30),
        ("T", 1L << 40), ("B", 1), ("", 1),
    ];

    /// <summary>Reads a number.</summary>
    /// <exception cref="UsageException">It is none, or not above zero.</exception>
    public static long Parse(string text, string option)
    {
        var (unit, bytes) = Units.First(row => text.EndsWith(row.Unit, StringComparison.OrdinalIgnoreCase));
        return double.TryParse(
                text[..^unit.Length].Trim(), NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out var number) && number * bytes is >= 1 and <= 1L << 50 and var size
            ? (long)size
            : throw new UsageException($"{option} is '{text}'; expected bytes, such as 8GiB or 500MB.");
    }
}
