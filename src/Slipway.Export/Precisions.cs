namespace Slipway.Export;

/// <summary>The names of precisions, as the command line and <c>slipway.json</c> write them.</summary>
public static class Precisions
{
    private static readonly (Precision Precision, string Name)[] Names =
    [
        (Precision.Float32, "fp32"), (Precision.Float16, "fp16"), (Precision.Int8, "int8"), (Precision.Int4, "int4"),
        (Precision.Int2, "int2"),
    ];

    /// <summary>All names, the most precise first.</summary>
    public static IReadOnlyList<string> All { get; } = [.. Names.Select(row => row.Name)];

    /// <summary>Returns a precision's name, such as <c>fp32</c>.</summary>
    public static string NameOf(Precision precision) => Names.First(row => row.Precision == precision).Name;

    /// <summary>Finds a precision by its name, in any case.</summary>
    /// <exception cref="ArgumentException">No precision has that name; the message lists those that there
    /// are.</exception>
    public static Precision Find(string name)
    {
        foreach (var (precision, known) in Names)
        {
            if (known.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return precision;
            }
        }

        throw new ArgumentException(
            $"There is no precision '{name}'. Choose one of {string.Join(", ", All.Select(known => $"'{known}'"))}.",
            nameof(name));
    }
}
