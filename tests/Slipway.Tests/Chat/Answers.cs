using Microsoft.Extensions.AI;
using Slipway.Chat;

namespace Slipway.Tests.Chat;

/// <summary>Runs answers through the parser and writes what came out in one comparable line.</summary>
internal static class Answers
{
    public static ToolCallFormat Format(string name) => ToolCallFormats.All.Single(format => format.Name == name);

    public static List<AIContent> Parse(
        IEnumerable<string> pieces,
        ToolCallFormat? tools,
        ReasoningFormat? reasoning = null,
        bool startsInReasoning = false,
        IReadOnlyList<AIFunctionDeclaration>? functions = null)
    {
        var ids = 0;
        var parser = new ChatResponseParser(reasoning, tools, _ => $"id{ids++}", startsInReasoning, functions);
        var contents = new List<AIContent>();
        foreach (var piece in pieces)
        {
            parser.Append(piece, contents);
        }

        parser.Complete(contents);
        Assert.DoesNotContain(contents, content => content is TextContent { Text.Length: 0 });
        return contents;
    }

    /// <summary>For example <c>text(Hi) call(set_light {"on":true})</c>; adjacent text is one.</summary>
    public static string Describe(IEnumerable<AIContent> contents)
    {
        var update = new ChatResponseUpdate(ChatRole.Assistant, [.. contents]);
        var message = new[] { update }.ToChatResponse().Messages;
        return string.Join(' ', message.SelectMany(m => m.Contents).Select(content => content switch
        {
            TextContent text => $"text({text.Text})",
            TextReasoningContent reasoning => $"reasoning({reasoning.Text})",
            FunctionCallContent { Exception: not null } call => $"malformed({call.Name} {call.RawRepresentation})",
            FunctionCallContent call => $"call({call.Name} {Arguments(call)})",
            _ => content.GetType().Name,
        }));
    }

    private static string Arguments(FunctionCallContent call)
        => System.Text.Json.JsonSerializer.Serialize(call.Arguments, AIJsonUtilities.DefaultOptions)
            .Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal)
            .Replace("  ", "", StringComparison.Ordinal);
}
