using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Slipway.Tokenization.Templates;

/// <summary>Finds the name of a time zone that <c>strftime</c> prints, such as <c>CET</c> and <c>CEST</c>.</summary>
/// <remarks>
/// .NET gives long names where it has ICU, so the abbreviations are read from the system's zone files. Windows has none
/// and prints long names. Source: RFC 9636, "The Time Zone Information Format (TZif)".
/// </remarks>
internal static partial class ZoneNames
{
    private const int HeaderBytes = 44, TypeBytes = 6;

    /// <summary>The name of a zone at a time; the time's offset where it is not the zone's.</summary>
    public static string Of(DateTimeOffset time, TimeZoneInfo zone)
    {
        if (zone.GetUtcOffset(time) != time.Offset
            || (time.Offset == TimeSpan.Zero && zone.HasSameRules(TimeZoneInfo.Utc)))
        {
            return time.Offset == TimeSpan.Zero ? "UTC" : $"UTC{Sign(time.Offset)}{time.Offset:hh\\:mm}";
        }

        var isDaylight = zone.IsDaylightSavingTime(time);
        if (!OperatingSystem.IsWindows() && ReadFile(zone.Id) is { } file && Find(file, time, isDaylight) is { } name)
        {
            return name;
        }

        var known = isDaylight ? zone.DaylightName : zone.StandardName;
        return OperatingSystem.IsWindows() || !known.Contains(' ', StringComparison.Ordinal) ? known
            : Sign(time.Offset)
            + time.Offset.ToString(time.Offset.Minutes == 0 ? "hh" : "hhmm", CultureInfo.InvariantCulture);
    }

    /// <summary>Finds the abbreviation in a zone file; null where it is not of the known form.</summary>
    internal static string? Find(ReadOnlySpan<byte> file, DateTimeOffset time, bool isDaylight)
    {
        try
        {
            // The second block has times of 64 bits; behind it stands the rule for times after the last one.
            var first = Header.Read(file);
            var rest = file[(HeaderBytes + first.Bytes(sizeof(int)))..];
            var header = Header.Read(rest);
            var data = rest[HeaderBytes..];
            var seconds = time.ToUnixTimeSeconds();
            var index = -1;
            while (index + 1 < header.Times
                && BinaryPrimitives.ReadInt64BigEndian(data[((index + 1) * sizeof(long))..]) <= seconds)
            {
                index++;
            }

            var rule = Rule().Match(Encoding.ASCII.GetString(data[header.Bytes(sizeof(long))..]));
            if (index == header.Times - 1 && rule.Success)
            {
                var daylight = rule.Groups["daylight"];
                return (isDaylight && daylight.Success ? daylight.Value : rule.Groups["standard"].Value).Trim('<', '>');
            }

            var types = data[(header.Times * (sizeof(long) + 1))..];
            var type = index < 0 ? 0 : data[(header.Times * sizeof(long)) + index];
            var names = types[(header.Types * TypeBytes)..];
            var text = names[types[(type * TypeBytes) + 5]..];
            return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
        }
        catch (Exception exception) when (exception is ArgumentOutOfRangeException or IndexOutOfRangeException
            or FormatException)
        {
            return null;
        }
    }

    private static string Sign(TimeSpan offset) => offset < TimeSpan.Zero ? "-" : "+";

    private static byte[]? ReadFile(string id)
    {
        var path = Path.Combine(Environment.GetEnvironmentVariable("TZDIR") ?? "/usr/share/zoneinfo", id);
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^\n(?<standard><[^<>]+>|[A-Za-z]+)[-+0-9:]+((?<daylight><[^<>]+>|[A-Za-z]+)[^\n]*)?\n",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Rule();

    private readonly record struct Header(int Utc, int Standard, int Leaps, int Times, int Types, int Characters)
    {
        public static Header Read(ReadOnlySpan<byte> block)
        {
            if (!block.StartsWith("TZif"u8) || block[4] < (byte)'2')
            {
                throw new FormatException();
            }

            int Number(ReadOnlySpan<byte> from, int index) =>
                BinaryPrimitives.ReadInt32BigEndian(from[(20 + (index * sizeof(int)))..]) is >= 0 and <= 1 << 16
                and var count
                    ? count : throw new FormatException();
            return new(Number(block, 0), Number(block, 1), Number(block, 2), Number(block, 3), Number(block, 4),
                Number(block, 5));
        }

        public int Bytes(int timeBytes) =>
            (Times * (timeBytes + 1)) + (Types * TypeBytes) + Characters + (Leaps * (timeBytes + sizeof(int)))
            + Standard + Utc;
    }
}
