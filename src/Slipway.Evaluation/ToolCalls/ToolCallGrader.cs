using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Evaluation.ToolCalls;

/// <summary>Compares what a client answered with what is right.</summary>
internal static class ToolCallGrader
{
    public static ToolCallResult Grade(ToolCallCase test, ChatResponse response)
    {
        var calls = response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().ToList();
        var offered = test.Tools.Select(tool => tool.Name).ToHashSet(StringComparer.Ordinal);
        var malformed = calls.Count(call => call.Exception is not null);
        return new ToolCallResult(
            test,
            IsRight: malformed == 0 && calls.Count == test.Expected.Count
                && calls.Zip(test.Expected).All(pair => Equal(pair.First, pair.Second)),
            IsTextRight: test.Expected.Count == 0 && calls.Count == 0
                && response.Text.Trim() == test.ExpectedText.Trim(),
            NamesRight: calls.Select(call => call.Name).SequenceEqual(test.Expected.Select(call => call.Name)),
            NotOffered: calls.Count(call => !offered.Contains(call.Name)),
            malformed,
            Describe(calls, response.Text));
    }

    private static bool Equal(FunctionCallContent call, ExpectedToolCall expected)
    {
        var given = call.Arguments ?? new Dictionary<string, object?>();
        return call.Name == expected.Name
            && given.Count == expected.Arguments.Count
            && expected.Arguments.All(argument =>
                given.TryGetValue(argument.Key, out var value) && Equal(ToNode(value), argument.Value));
    }

    private static bool Equal(JsonNode? given, JsonNode? expected)
    {
        if (given?.GetValueKind() != JsonValueKind.Number || expected?.GetValueKind() != JsonValueKind.Number)
        {
            return JsonNode.DeepEquals(given, expected);
        }

        return Number(given) is { } left && Number(expected) is { } right
            ? left == right
            : given.ToJsonString() == expected.ToJsonString();
    }

    private static decimal? Number(JsonNode node) =>
        decimal.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number : null;

    private static JsonNode? ToNode(object? value) => value switch
    {
        null => null,
        JsonElement element => JsonNode.Parse(element.GetRawText()),
        JsonNode node => node,
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        IFormattable number => JsonNode.Parse(number.ToString(null, CultureInfo.InvariantCulture)),
        _ => JsonValue.Create(value.ToString()),
    };

    private static string Describe(List<FunctionCallContent> calls, string text) => calls.Count == 0
        ? text
        : string.Join(' ', calls.Select(call =>
            $"{call.Name}({string.Join(", ", (call.Arguments ?? new Dictionary<string, object?>())
                .Select(argument => $"{argument.Key}: {ToNode(argument.Value)?.ToJsonString() ?? "null"}"))})"));
}
