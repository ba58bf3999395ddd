using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Chat;

namespace Slipway.Tests.Chat;

public sealed class TemplateMessagesTests
{
    [Fact]
    public void Instructions_StandBeforeTheGivenMessages()
        => Expect(
            """[{"role":"system","content":"Be brief."},{"role":"system","content":"A"},{"role":"user","content":"B"}]""",
            "Be brief.",
            new(ChatRole.System, "A"),
            new(ChatRole.User, "B"));

    [Fact]
    public void Contents_OfSeveralParts_AreOneTextAndUnknownOnesSkipped()
        => Expect(
            """[{"role":"user","content":"one two three"},{"role":"critic","content":""}]""",
            null,
            new(
                ChatRole.User,
                [
                    new TextContent("one "), new UsageContent(new()), new ErrorContent("?"), new TextContent("two "),
                    new DataContent("three"u8.ToArray(), "text/plain"), new TextContent(null),
                ]),
            new(new ChatRole("critic"), []));

    [Fact]
    public void Calls_AndTheirResults_TakeTheFormOfTemplates()
        => Expect(
            """
            [{"role":"assistant","content":"Wait.","reasoning_content":"Hm.","tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":{"x":1,"y":"z","n":null}}},
            {"id":"b","type":"function","function":{"name":"g","arguments":{}}}]},
            {"role":"tool","content":"done","tool_call_id":"a","name":"f"},
            {"role":"tool","content":"","tool_call_id":"b","name":"g"},
            {"role":"tool","content":"{\"on\":true,\"name\":\"Küche\"}","tool_call_id":"?"},
            {"role":"tool","content":"21.5","tool_call_id":"?"}]
            """,
            null,
            new(
                ChatRole.Assistant,
                [
                    new TextReasoningContent("Hm."), new TextContent("Wait."),
                    new FunctionCallContent("a", "f", new Dictionary<string, object?>
                    {
                        ["x"] = 1,
                        ["y"] = JsonSerializer.SerializeToElement("z"),
                        ["n"] = null,
                    }),
                    new FunctionCallContent("b", "g"),
                ]),
            new(ChatRole.Tool, [new FunctionResultContent("a", "done"), new FunctionResultContent("b", null)]),
            new(
                ChatRole.Tool,
                [
                    new FunctionResultContent(
                        "?", new Dictionary<string, object?> { ["on"] = true, ["name"] = "Küche" }),
                    new FunctionResultContent("?", JsonSerializer.SerializeToElement(21.5)),
                ]));

    [Fact]
    public void Results_InAnotherOrder_StandInThatOfTheirCalls()
        => Expect(
            """
            [{"role":"assistant","content":"","tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":{}}},
            {"id":"b","type":"function","function":{"name":"g","arguments":{}}}]},
            {"role":"assistant","content":"","tool_calls":[
            {"id":"c","type":"function","function":{"name":"h","arguments":{}}}]},
            {"role":"tool","content":"1","tool_call_id":"a","name":"f"},
            {"role":"tool","content":"2","tool_call_id":"b","name":"g"},
            {"role":"tool","content":"3","tool_call_id":"c","name":"h"},
            {"role":"tool","content":"?","tool_call_id":"?"},
            {"role":"user","content":"And?"},
            {"role":"tool","content":"4","tool_call_id":"a","name":"f"}]
            """,
            null,
            new(ChatRole.Assistant, [new FunctionCallContent("a", "f"), new FunctionCallContent("b", "g")]),
            new(ChatRole.Assistant, [new FunctionCallContent("c", "h")]),
            new(ChatRole.Tool, [new FunctionResultContent("?", "?"), new FunctionResultContent("c", "3")]),
            new(ChatRole.Tool, [new FunctionResultContent("b", "2")]),
            new(ChatRole.Tool, [new FunctionResultContent("a", "1")]),
            new(ChatRole.User, "And?"),
            new(ChatRole.Tool, [new FunctionResultContent("a", "4")]));

    [Fact]
    public void Message_OfACallItsResultAndWords_IsThreeMessages()
        => Expect(
            """
            [{"role":"assistant","content":"Wait.","tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":{}}}]},
            {"role":"tool","content":"1","tool_call_id":"a","name":"f"},
            {"role":"assistant","content":"It is 1."}]
            """,
            null,
            new ChatMessage(
                ChatRole.Assistant,
                [
                    new TextContent("Wait."), new FunctionCallContent("a", "f"), new FunctionResultContent("a", 1),
                    new TextContent("It is 1."),
                ]));

    [Fact]
    public void MalformedCall_InTheHistory_IsTheTextThatTheModelWrote()
        => Expect(
            """[{"role":"assistant","content":"<tool_call>{"}]""",
            null,
            new ChatMessage(
                ChatRole.Assistant,
                [new FunctionCallContent(
                    "a", "") { Exception = new FormatException(), RawRepresentation = "<tool_call>{" }]));

    [Fact]
    public void Image_ForAModelOfText_IsRefused()
    {
        var e = Assert.Throws<NotSupportedException>(() => TemplateMessages.From(
            [new(ChatRole.User, "See:"), new(ChatRole.User, [new DataContent(new byte[1], "image/png")])],
            null,
            Rendering, MessageEscape.None));
        Assert.Equal(
            "Message 1 (role 'user') holds content of type 'image/png'; this model takes text only. Remove the "
            + "content, or use a model that takes it.",
            e.Message);
    }

    [Fact]
    public void Text_ThatIsElsewhere_IsRefused()
    {
        var e = Assert.Throws<NotSupportedException>(() => TemplateMessages.From(
            [new(ChatRole.User, [new UriContent("https://example.org/a.txt", "text/plain")])],
            null,
            Rendering, MessageEscape.None));
        Assert.Equal(
            "Message 0 (role 'user') refers to a text at 'https://example.org/a.txt'; this client fetches nothing. "
            + "Read the text yourself and add it as TextContent.",
            e.Message);
    }

    [Fact]
    public void Tools_TakeTheFormOfTemplates()
    {
        var function = AIFunctionFactory.Create(
            ([System.ComponentModel.Description("Which room.")] string room, int level = 3) => room,
            "set_level",
            "Sets a level.");

        var tools = TemplateTools.From(new() { Tools = [function] });

        Assert.Equal(
            """
            [{"type":"function","function":{"name":"set_level","description":"Sets a level.","parameters":
            {"type":"object","properties":{"room":{"description":"Which room.","type":"string"},
            "level":{"type":"integer","default":3}},"required":["room"]}}}]
            """.ReplaceLineEndings(""),
            tools!.ToJsonString());
        Assert.Null(TemplateTools.From(null));
        Assert.Null(TemplateTools.From(new() { Tools = [] }));
    }

    [Fact]
    public void Calls_ThatATemplateDoesNotRender_AreWrittenIntoTheText()
    {
        var call = new FunctionCallContent("a", "f", new Dictionary<string, object?> { ["x"] = 1 });
        ChatMessage[] messages =
        [
            new(ChatRole.System, "Be brief."), new(ChatRole.User, "Hi"),
            new(ChatRole.Assistant, [new TextContent("So:"), call]),
            new(ChatRole.Tool, [new FunctionResultContent("a", "done")]),
        ];

        var result = TemplateMessages.From(messages, null, new() { RendersSystem = false }, MessageEscape.None);

        Assert.Equal(
            ["Be brief.\n\nHi", "So:\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>",
                "<tool_response>\ndone\n</tool_response>"],
            result.Select(message => (string?)message!["content"]));
        Assert.Equal(["user", "assistant", "user"], result.Select(message => (string?)message!["role"]));
    }

    [Fact]
    public void Arguments_OfTemplatesThatWantText_AreJsonInAText()
    {
        var call = new FunctionCallContent("a", "f", new Dictionary<string, object?> { ["x"] = "ü" });

        var result = TemplateMessages.From(
            [new(ChatRole.Assistant, [call])], null,
            Rendering with { TakesArgumentsAsText = true, EmptyContent = EmptyContent.Null }, MessageEscape.None);

        Assert.Equal("{\"x\": \"ü\"}", (string?)result[0]!["tool_calls"]![0]!["function"]!["arguments"]);
        Assert.Null(result[0]!["content"]);
        Assert.Equal(
            """[{"type":"text","text":""}]""",
            TemplateMessages.From(
                [new(ChatRole.Assistant, [call])], null, Rendering with { EmptyContent = EmptyContent.Part },
                MessageEscape.None)[0]!["content"]!.ToJsonString());
    }

    [Fact]
    public void Results_OfSeveralParts_AreText()
    {
        AIContent[] parts =
            [new TextContent("a"), new DataContent(new byte[1000], "image/png"), new TextContent("b")];

        var result = TemplateMessages.From(
            [new(ChatRole.Tool, [new FunctionResultContent("a", parts)])], null, Rendering, MessageEscape.None);

        Assert.Equal(
            "a\n[Content of type 'image/png' is left out: this model reads text only.]\nb",
            (string?)result[0]!["content"]);
    }

    private static TemplateTraits Rendering { get; } = new() { RendersCalls = true, RendersResults = true };

    private static void Expect(string expected, string? instructions, params ChatMessage[] messages)
        => Assert.Equal(
            JsonNode.Parse(expected)!.ToJsonString(),
            TemplateMessages.From(messages, instructions, Rendering, MessageEscape.None).ToJsonString());
}
