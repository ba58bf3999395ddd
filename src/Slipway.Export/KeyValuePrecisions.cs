namespace Slipway.Export;

/// <summary>
/// The names of ways to keep keys and values, as the command line and <c>slipway.json</c> write them.
/// </summary>
public static class KeyValuePrecisions
{
    private static readonly (KeyValuePrecision Precision, string Name)[] Rows =
    [
        (KeyValuePrecision.Float32, "fp32"), (KeyValuePrecision.Float16, "fp16"), (KeyValuePrecision.Int8, "int8"),
        (KeyValuePrecision.Int4, "int4"),
    ];

    /// <summary>All names, the most precise first.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Rows.Select(row => row.Name)];

    /// <summary>Returns a way's name, such as <c>int8</c>.</summary>
    public static string NameOf(KeyValuePrecision precision) => Rows.First(row => row.Precision == precision).Name;

    /// <summary>Tells whether the decoder's graph holds codes, whose scales are measured.</summary>
    internal static bool HasCodes(KeyValuePrecision precision)
        => precision is KeyValuePrecision.Int8 or KeyValuePrecision.Int4;

    /// <summary>Returns the way that packages of a precision have unless told.</summary>
    internal static KeyValuePrecision Default(Precision precision)
        => precision == Precision.Float32 ? KeyValuePrecision.Float32 : KeyValuePrecision.Float16;

    /// <summary>Finds a way by its name, in any case.</summary>
    /// <exception cref="ArgumentException">None has that name; the message lists those that there are.</exception>
    public static KeyValuePrecision Find(string name)
    {
        foreach (var (precision, known) in Rows)
        {
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return precision;
            }
        }

        throw new ArgumentException(
            $"Keys and values cannot be kept in '{name}'. Choose one of "
            + $"{string.Join(", ", All.Select(known => $"'{known}'"))}.",
            nameof(name));
    }
}
