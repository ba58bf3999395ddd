using Slipway.Guidance.Json.Values;
using Slipway.Guidance.Regex;

namespace Slipway.Guidance.Json;

/// <summary>The formats of texts that can be guaranteed, by their names in JSON schemas.</summary>
/// <remarks>
/// Dates are of the years 1000 to 9999 and times without leap seconds, which readers in .NET take; addresses have plain
/// ASCII names. Sources: RFC 3339, 4122, 4291, 5321, 1123, 3986, 6901.
/// <para>
/// The exporter of System.Text.Json gives some types a form that is not the one that they read: <c>TimeOnly</c> the
/// format <c>time</c>, which RFC 3339 writes with an offset and TimeOnly reads without; <c>TimeSpan</c> and
/// <c>Version</c> a pattern that lets numbers through that they refuse, and a comment that names the type. Where .NET's
/// types read the document, these are held to what the types read.
/// </para>
/// </remarks>
internal static class JsonFormats
{
    private const string Date =
        @"(?:[1-9]\d{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
        + @"|02-(?:0[1-9]|1\d|2[0-8]))"
        + "|(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29)";

    private const string Clock = @"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,7})?";
    private const string Time = Clock + @"(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)";
    private const string Label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    private const string Byte = @"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)";
    private const string Ipv4 = Byte + @"(?:\." + Byte + "){3}";
    private const string H = "[0-9A-Fa-f]{1,4}";
    private const string Atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
    private const string Host = "[A-Za-z0-9]+(?:[.-][A-Za-z0-9]+)*";
    private const string Path = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*";
    private const string DateDuration = @"(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)";
    private const string TimeDuration = @"T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S)";

    private static readonly Dictionary<string, Lazy<TextRange>> All = new(StringComparer.Ordinal)
    {
        ["date"] = Row(Date),
        ["time"] = Row(Time),
        ["date-time"] = Row(Date + "T" + Time),
        ["duration"] = Row($"P(?:\\d+W|{DateDuration}(?:{TimeDuration})?|{TimeDuration})"),
        ["uuid"] = Row("[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
        ["email"] = Row($"{Atom}(?:\\.{Atom})*@{Host}"),
        ["hostname"] = Row($"{Label}(?:\\.{Label})*", 253),
        ["ipv4"] = Row(Ipv4),
        ["ipv6"] = Row(
            $"(?:{H}:){{7}}{H}|(?:{H}:){{1,7}}"
            + $":|(?:{H}:){{1,6}}:{H}|(?:{H}:){{1,5}}(?::{H}){{1,2}}|(?:{H}:){{1,4}}(?::{H}){{1,3}}|(?:{H}:){{1,3}}"
            + $"(?::{H}){{1,4}}|(?:{H}:){{1,2}}(?::{H}){{1,5}}|{H}:(?::{H}){{1,6}}|:(?:(?::{H}){{1,7}}|:)"),
        ["uri"] = Row($"(?:https?|ftp|wss?)://{Host}(?::[1-9]\\d{{0,3}})?(?:/{Path})*(?:\\?{Path})?(?:#{Path})?"),
        ["json-pointer"] = Row("(?:/(?:[^~/]|~[01])*)*"),
    };

    // By format, where a type of .NET reads another form.
    private static readonly Dictionary<string, Lazy<TextRange>> DotNetFormats = new(StringComparer.Ordinal)
    {
        ["time"] = Row(Clock),
    };

    // By the comment of System.Text.Json's exporter. Spans of 7 digits of days, and numbers of 9, are within all
    // bounds.
    private static readonly Dictionary<string, Lazy<TextRange>> DotNetTypes = new(StringComparer.Ordinal)
    {
        ["Represents a System.TimeSpan value."] = Row(@"-?(?:\d{1,7}\.)?" + Clock),
        ["Represents a version string."] = Row(@"\d{1,9}(?:\.\d{1,9}){1,3}"),
    };

    /// <summary>The texts of a format; null for one that is not known.</summary>
    /// <param name="name">The format.</param>
    /// <param name="isForDotNet">Whether .NET's types read the text.</param>
    public static TextRange? Find(string name, bool isForDotNet)
        => (isForDotNet ? DotNetFormats.GetValueOrDefault(name) : null)?.Value ?? All.GetValueOrDefault(name)?.Value;

    /// <summary>
    /// The texts that a type reads whose schema has a comment of System.Text.Json's exporter; null for another.
    /// </summary>
    public static TextRange? FindDotNet(string comment) => DotNetTypes.GetValueOrDefault(comment)?.Value;

    private static Lazy<TextRange> Row(string pattern, int? longest = null)
        => new(() => new(RegexCompiler.Compile(pattern), 0, longest));
}
