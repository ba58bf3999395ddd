using System.Globalization;

namespace Slipway.Cli.Terminal;

/// <summary>Formats figures for people.</summary>
internal static class Amounts
{
    private static readonly string[] Units = ["B", "KB", "MB", "GB", "TB"];

    /// <summary>Bytes in decimal units, such as <c>86.2 MB</c>.</summary>
    public static string Bytes(long bytes)
    {
        var (value, unit) = ((double)bytes, 0);
        while (value >= 1000 && unit < Units.Length - 1)
        {
            (value, unit) = (value / 1000, unit + 1);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {Units[unit]}");
    }

    /// <summary>A number in the invariant culture.</summary>
    public static string Number(double value, string format = "0.##")
        => value.ToString(format, CultureInfo.InvariantCulture);
}
