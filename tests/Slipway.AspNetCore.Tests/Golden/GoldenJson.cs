using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Slipway.AspNetCore.Tests.Golden;

/// <summary>Compares JSON with what is expected, where texts in double braces stand for what differs.</summary>
/// <remarks>
/// <c>{{id PREFIX NAME}}</c> is an id that begins so, the same one wherever the name stands again, also in requests as
/// <c>{{NAME}}</c>; <c>{{time}}</c> seconds since 1970, <c>{{moment}}</c> a text of RFC 3339, both of these minutes;
/// <c>{{positive}}</c> an integer above zero, <c>{{count}}</c> one of zero or more, <c>{{number}}</c> any number,
/// <c>{{text}}</c> any text but the empty one.
/// </remarks>
internal static partial class GoldenJson
{
    /// <summary>Puts values in the places of their names.</summary>
    public static string Fill(string text, IReadOnlyDictionary<string, string> values)
        => Name().Replace(text, match => values[match.Groups[1].Value]);

    /// <summary>Compares two documents.</summary>
    public static void AssertEqual(string expected, string actual, Dictionary<string, string> values)
    {
        using var left = JsonDocument.Parse(expected);
        using var right = JsonDocument.Parse(actual);
        AssertEqual(left.RootElement, right.RootElement, "$", values);
    }

    private static void AssertEqual(
        JsonElement expected, JsonElement actual, string path, Dictionary<string, string> values)
    {
        if (expected.ValueKind == JsonValueKind.String
            && expected.GetString()!.StartsWith("{{", StringComparison.Ordinal))
        {
            AssertMatch(expected.GetString()![2..^2].Split(' '), actual, path, values);
            return;
        }

        Assert.True(
            expected.ValueKind == actual.ValueKind, $"{path} is '{actual.GetRawText()}'; expected '{expected}'.");
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                string[] names = [.. expected.EnumerateObject().Select(member => member.Name)];
                Assert.True(
                    names.ToHashSet().SetEquals(actual.EnumerateObject().Select(member => member.Name)),
                    $"{path} is '{actual.GetRawText()}'; expected the members {string.Join(", ", names)}.");
                foreach (var name in names)
                {
                    AssertEqual(expected.GetProperty(name), actual.GetProperty(name), $"{path}.{name}", values);
                }

                break;
            case JsonValueKind.Array:
                Assert.True(
                    expected.GetArrayLength() == actual.GetArrayLength(),
                    $"{path} is '{actual.GetRawText()}'; expected {expected.GetArrayLength()} items.");
                foreach (var (index, item) in expected.EnumerateArray().Index())
                {
                    AssertEqual(item, actual[index], $"{path}[{index}]", values);
                }

                break;
            default:
                Assert.True(
                    JsonElement.DeepEquals(expected, actual),
                    $"{path} is '{actual.GetRawText()}'; expected '{expected.GetRawText()}'.");
                break;
        }
    }

    private static void AssertMatch(
        string[] words, JsonElement actual, string path, Dictionary<string, string> values)
    {
        var isAsExpected = words[0] switch
        {
            "id" => actual.ValueKind == JsonValueKind.String && IsId(actual.GetString()!, words[1], words[2], values),
            "time" => actual.TryGetInt64(out var seconds)
                && IsNow(DateTimeOffset.FromUnixTimeSeconds(seconds)),
            "moment" => DateTimeOffset.TryParse(actual.GetString(), CultureInfo.InvariantCulture, out var moment)
                && IsNow(moment),
            "positive" => actual.TryGetInt64(out var count) && count > 0,
            "count" => actual.TryGetInt64(out var count) && count >= 0,
            "number" => actual.ValueKind == JsonValueKind.Number,
            "text" => actual is { ValueKind: JsonValueKind.String } && actual.GetString()!.Length > 0,
            _ => throw new InvalidOperationException($"{path}: '{words[0]}' stands for nothing."),
        };
        Assert.True(isAsExpected, $"{path} is '{actual.GetRawText()}'; expected '{string.Join(' ', words)}'.");
    }

    private static bool IsId(string id, string prefix, string name, Dictionary<string, string> values)
        => values.TryAdd(name, id)
            ? id.StartsWith(prefix, StringComparison.Ordinal) && id.Length >= prefix.Length + 24
            : values[name] == id;

    private static bool IsNow(DateTimeOffset time)
        => Math.Abs((time - DateTimeOffset.UtcNow).TotalMinutes) < 5;

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Name();
}
