using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Tests.Templates;

public sealed class StrftimeTests
{
    [Theory]
    [InlineData("Europe/Berlin", "2025-07-10T12:00:00+02:00", "CEST", "+0200")]
    [InlineData("Europe/Berlin", "2025-01-10T12:00:00+01:00", "CET", "+0100")]
    [InlineData("Europe/Berlin", "2090-07-10T12:00:00+02:00", "CEST", "+0200")]
    [InlineData("Europe/Berlin", "2090-01-10T12:00:00+01:00", "CET", "+0100")]
    [InlineData("America/New_York", "2025-07-10T12:00:00-04:00", "EDT", "-0400")]
    [InlineData("Asia/Kolkata", "2025-07-10T12:00:00+05:30", "IST", "+0530")]
    [InlineData("America/Sao_Paulo", "2025-07-10T12:00:00-03:00", "-03", "-0300")]
    [InlineData("UTC", "2025-07-10T12:00:00+00:00", "UTC", "+0000")]
    [InlineData("Europe/London", "2025-01-10T12:00:00+00:00", "GMT", "+0000")]
    [InlineData("Europe/Berlin", "2025-07-10T12:00:00+00:00", "UTC", "+0000")]
    [InlineData("Europe/Berlin", "2025-07-10T12:00:00+05:00", "UTC+05:00", "+0500")]
    public void Format_ZoneName_IsThatOfTheTime(string id, string time, string name, string offset)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no abbreviations of time zones.");
        Assert.SkipUnless(
            TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone) && Directory.Exists("/usr/share/zoneinfo"),
            "The machine has no time zone database.");

        Assert.Equal($"{name} {offset}", Render("%Z %z", DateTimeOffset.Parse(time, null), zone));
    }

    [Fact]
    public void Format_ZoneWithoutAFile_GivesItsOwnShortNameOrItsOffset()
    {
        DateTimeOffset time = new(2025, 7, 10, 12, 0, 0, TimeSpan.FromHours(3));
        var named = TimeZoneInfo.CreateCustomTimeZone("Nowhere/Short", time.Offset, "d", "NWT");
        var spoken = TimeZoneInfo.CreateCustomTimeZone("Nowhere/Long", time.Offset, "d", "Nowhere Time");
        Assert.Equal("NWT", Render("%Z", time, named));
        Assert.Equal(OperatingSystem.IsWindows() ? "Nowhere Time" : "+03", Render("%Z", time, spoken));
    }

    // Expected values: glibc's strftime in the C locale, by Python 3.11.
    [Theory]
    [InlineData("%a %A %w %u|%d %e %-d|%b %B %h %m|%y %Y %C", "Sat Saturday 6 6|05  5 5|Jul July Jul 07|25 2025 20")]
    [InlineData("%H %I %k %l|%p %P|%M %S %f", "09 09  9  9|AM am|04 03 000000")]
    [InlineData("%j %U %W %V %G %g|%s", "186 26 26 27 2025 25|1751706243")]
    [InlineData("%c|%x|%X|%D|%F|%T|%R|%r",
        "Sat Jul  5 09:04:03 2025|07/05/25|09:04:03|07/05/25|2025-07-05|09:04:03|09:04|09:04:03 AM")]
    [InlineData("%z %:z %Z|%n%t%%", "+0000 +00:00 UTC|\n\t%")]
    [InlineData("%_d|%^a|%#p|%05Y|%10A|%Ey|%Od|%_H|%0e|%^B", " 5|SAT|am|02025|  Saturday|25|05| 9|05|JULY")]
    [InlineData("é%", "é%")]
    public void Format_EachDirective_WritesWhatStrftimeWrites(string format, string expected) =>
        Assert.Equal(
            expected, Render(format, new DateTimeOffset(2025, 7, 5, 9, 4, 3, TimeSpan.Zero), TimeZoneInfo.Utc));

    [Theory]
    [InlineData("%q", "'strftime_now' does not know the directive '%q'.")]
    [InlineData("%999999Y", "'strftime_now' writes fields of fewer than 256 characters.")]
    public void Format_UnknownDirective_SaysWhich(string format, string expected) => Assert.EndsWith(
        expected,
        Assert.Throws<ChatTemplateException>(() => Render(format, DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc)).Message,
        StringComparison.Ordinal);

    private static string Render(string format, DateTimeOffset time, TimeZoneInfo? zone) =>
        ChatTemplate.Parse("{{ strftime_now(f) }}").Render(new JsonObject { ["f"] = format }, time, zone);
}
