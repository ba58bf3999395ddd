using System.Text;
using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Guidance;
using Slipway.Tests.Guidance;
using static Slipway.Tests.Chat.Offers;

namespace Slipway.Tests.Chat;

public sealed class ToolCallGrammarTests
{
    private const string Light = """
        {"type":"object","properties":{"room":{"type":"string","enum":["kitchen","küche"]},"level":{"type":"integer"},
        "colour":{"type":"object","properties":{"r":{"type":"number"},"name":{"type":"string"}},"required":["r"]}},
        "required":["room"]}
        """;

    private static readonly AIFunctionDeclaration[] Tools =
    [
        Tool("set", Light),
        Tool("set_all", """{"type":"object","properties":{"on":{"type":"boolean"}},"required":["on"]}"""),
        Tool("a-b.c", """{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}"""),
        Tool("stop", """{"type":"object","properties":{}}"""),
        Tool("any", "{}"),
        Tool("odd",
            """{"type":"object","properties":{"code":{"type":"string","pattern":"^(?=A)[A-Z]+$"}},"required":["code"]}"""),
        Tool("code",
            """{"type":"object","properties":{"code":{"type":"string","pattern":"^[A-Z]+$"}},"required":["code"]}"""),
        Tool("broken", """{"type":"object","properties":{"code":{"type":"texts"}}}"""),
        Tool("listed", """{"type":"object","properties":[1],"required":["x"]}"""),
        Tool("not-an-object", """{"type":"string"}"""),
    ];

    [JsonConverter(typeof(JsonStringEnumConverter<Colour>))]
    public enum Colour
    {
        Red,
        Green,
    }

    [Theory]
    [InlineData("""{"name": "set", "arguments": {"room": "kitchen"}}""", true)]
    [InlineData("""{"name": "set", "arguments": {"room": "küche", "level": -3, "colour": {"r": 1.5e3}}}""", true)]
    [InlineData("""{"name":"set","arguments":{"room":"kitchen","colour":{"r":1,"name":"x"}}}""", true)]
    [InlineData("""{ "name": "set", "arguments": {"room": "kitchen"} }""", true)]
    [InlineData("{\n  \"name\": \"set\",\n  \"arguments\": {\n    \"room\": \"kitchen\"\n  }\n}", true)]
    [InlineData("""{"name": "set", "arguments": {"room": "bath"}}""", false)]
    [InlineData("""{"name": "set", "arguments": {"Room": "kitchen"}}""", false)]
    [InlineData("""{"name": "set", "arguments": {"room": "kitchen", "level": 1.5}}""", false)]
    [InlineData("""{"name": "set", "arguments": {"room": "kitchen", "level": "3"}}""", false)]
    [InlineData("""{"name": "set", "arguments": {"level": 3}}""", false)]
    [InlineData("""{"name": "set", "arguments": {}}""", false)]
    [InlineData("""{"name": "set"}""", false)]
    [InlineData("""{"name": "set", "arguments": {"on": true}}""", false)]
    [InlineData("""{"name": "set", "arguments": {"room": "kitchen", "colour": {"name": "x"}}}""", false)]
    [InlineData("""{"name": "set_all", "arguments": {"on": true}}""", true)]
    [InlineData("""{"name": "set_all", "arguments": {"on": "true"}}""", false)]
    [InlineData("""{"name": "set_al", "arguments": {"on": true}}""", false)]
    [InlineData("""{"name": "set_all_", "arguments": {"on": true}}""", false)]
    [InlineData("""{"arguments": {"on": true}, "name": "set_all"}""", false)]
    [InlineData("""{"name": "a-b.c", "arguments": {"text": "ü 🙂 \"\\\n\u00e4\ud83d </tool_call> <b>"}}""", false)]
    [InlineData("""{"name": "a-b.c", "arguments": {"text": "ü 🙂 \"\\\n\u00e4 </tool_call> <b>"}}""", true)]
    [InlineData("{\"name\": \"a-b.c\", \"arguments\": {\"text\": \"\n\"}}", false)]
    [InlineData("""{"name": "stop", "arguments": {}}""", true)]
    [InlineData("""{"name": "stop"}""", true)]
    [InlineData("""{"name": "stop", "arguments": {"x": 1}}""", false)]
    [InlineData("""{"name": "any", "arguments": {"x": [1, {"y": null}]}}""", true)]
    [InlineData("""{"name": "any", "arguments": [1]}""", false)]
    [InlineData("""{"name": "odd", "arguments": {"code": "abc", "other": 1}}""", true)]
    [InlineData("""{"name": "odd", "arguments": "abc"}""", false)]
    [InlineData("""{"name": "code", "arguments": {"code": "ABC"}}""", true)]
    [InlineData("""{"name": "code", "arguments": {"code": "abc"}}""", false)]
    [InlineData("""{"name": "broken", "arguments": {"code": 1}}""", true)]
    [InlineData("""{"name": "listed", "arguments": {"x": 1}}""", true)]
    [InlineData("""{"name": "not-an-object", "arguments": {"x": 1}}""", true)]
    [InlineData("""{"name": "not-an-object", "arguments": "x"}""", false)]
    [InlineData("""[{"name": "stop", "arguments": {}}]""", false)]
    public void Call_OfTheOfferedTools_IsTakenAndNoOther(string call, bool taken)
    {
        var automaton = Automaton("hermes", Tools);

        Assert.Equal(taken, automaton.Accepts($"<tool_call>\n{call}\n</tool_call>"));
        Assert.Equal(taken, automaton.Accepts($"Well < <tool <think>. <tool_call>{call}</tool_call> and \n<tool_call>\n"
            + "{\"name\": \"stop\", \"arguments\": {}}\n</tool_call> äöü"));
        Assert.False(automaton.Accepts($"<tool_call>\n{call}\n"));
        Assert.False(automaton.Accepts($"<tool_call>\n{call} so\n</tool_call>"));
    }

    [Theory]
    [InlineData("Any text; <tool_cal> and <<tool_call")]
    [InlineData("</tool_call> {\"name\": 1}")]
    [InlineData("")]
    public void Text_WithoutTheTag_IsFree(string text)
    {
        var automaton = Automaton("hermes", Tools);

        Assert.True(automaton.Accepts(text));
        Assert.True(
            Encoding.UTF8.GetBytes(text).Aggregate(automaton.Start, (s, value) => automaton.Next(s, value)!).IsFree);
        Assert.False(automaton.Accepts(text + "<tool_call>"));
        Assert.False(automaton.CanBegin(text + "<<tool_call>I"));
    }

    [Fact]
    public void Reasoning_OfAnAnswer_HoldsTagsThatOpenNoCall()
    {
        var reasoning = new ReasoningFormat("think", "<think>", "</think>");
        var options = new ChatOptions { Tools = [.. Tools] };
        var inText = new GrammarAutomaton(Grammar("hermes", options, reasoning).ToGuidance("").Grammar());
        var inReasoning = new GrammarAutomaton(
            Grammar("hermes", options, reasoning, startsInReasoning: true).ToGuidance("").Grammar());

        Assert.True(inText.Accepts("<think>a <tool_call>words</think> b"));
        Assert.True(inReasoning.Accepts("a <tool_call>words</think> b"));
        Assert.False(inText.CanBegin("a <tool_call>words"));
        Assert.False(inText.CanBegin("<think>a </think><tool_call>words"));
        Assert.False(inReasoning.CanBegin("a </think><tool_call>words"));
        Assert.True(
            inReasoning.Accepts("a </think><tool_call>{\"name\": \"stop\", \"arguments\": {}}</tool_call><think> b"));
    }

    [Fact]
    public void OneCall_WhereOnlyOneIsAllowed_IsFollowedByTheEnd()
    {
        const string Call = "{\"name\": \"stop\", \"arguments\": {}}";
        var options = new ChatOptions { Tools = [.. Tools], AllowMultipleToolCalls = false };
        var single = new GrammarAutomaton(Grammar("hermes", options).ToGuidance("").Grammar());
        var list = new GrammarAutomaton(Grammar("pipe-tag", options).ToGuidance("").Grammar());

        Assert.True(single.Accepts($"So. <tool_call>{Call}</tool_call>"));
        Assert.False(single.CanBegin($"So. <tool_call>{Call}</tool_call> "));
        Assert.True(list.Accepts($"<|tool_call|>[{Call}]<|/tool_call|>"));
        Assert.False(list.CanBegin($"<|tool_call|>[{Call},"));
        Assert.True(Automaton("pipe-tag", Tools).Accepts($"<|tool_call|>[{Call}, {Call}]<|/tool_call|>"));
    }

    // format, an answer that can be, the beginning of one that cannot
    [Theory]
    [InlineData("tool-calls-tag", "<tool_calls>[\n{\"name\": \"stop\"}\n]</tool_calls>", "<tool_calls>{")]
    [InlineData("pipe-tag", "<|tool_call|>[{\"name\": \"stop\"}]<|/tool_call|>", "<|tool_call|>[]")]
    [InlineData("mistral", "[TOOL_CALLS] [{\"name\": \"set_all\", \"arguments\": {\"on\": true}}] and",
        "[TOOL_CALLS] [{\"name\": \"on\"")]
    [InlineData("mistral-args", "[TOOL_CALLS]set_all[ARGS]{\"on\": true}[TOOL_CALLS]stop{}",
    "[TOOL_CALLS]set_all[ARGS]{\"off\"")]
    [InlineData("mistral-args", "[TOOL_CALLS]set_all[CALL_ID]abcDEF123[ARGS]{\"on\": true}", "[TOOL_CALLS]on")]
    [InlineData("llama-json", "\n{\"name\": \"set_all\", \"parameters\": {\"on\": true}}", "{\"name\": \"Ada\"")]
    [InlineData("llama-json", "{\"name\": \"stop\", \"parameters\": {}}", "{\"name\": \"stop\"}")]
    [InlineData("llama-json", "So {\"name\": \"Ada\"}", " {\"name\"x")]
    [InlineData("llama-json", "{\"nam", "{\"name\"}")]
    [InlineData("llama-json", "", "{\"name\": 1")]
    [InlineData(
        "function-tag",
        "<tool_call>\n<function=a-b.c>\n<parameter=text>\na < b </p\n</parameter>\n</function>\n</tool_call>",
        "<tool_call>\n<function=a-b.c>\n<parameter=texts")]
    [InlineData(
        "function-tag",
        "<tool_call>\n<function=set>\n<parameter=room>\nküche\n</parameter>\n"
            + "<parameter=level>\n7\n</parameter>\n</function>\n</tool_call>",
        "<tool_call>\n<function=set>\n<parameter=room>\nbath")]
    [InlineData("function-tag", "<tool_call>\n<function=stop>\n</function>\n</tool_call>",
    "<tool_call>\n<function=set>\n</")]
    [InlineData(
        "function-tag",
        "<tool_call>\n<function=any>\n<parameter=x>\ny\n</parameter>\n</function>\n</tool_call>",
        "<tool_call>\n<function=any>\n<parameter=x>\ny</tool_call>")]
    [InlineData(
        "key-value-tag",
        "<tool_call>set_all\n<arg_key>on</arg_key>\n<arg_value>true</arg_value>\n</tool_call>",
        "<tool_call>set_all<arg_key>on</arg_key><arg_value>yes")]
    [InlineData("key-value-tag", "<tool_call>stop</tool_call>", "<tool_call>set_all</tool_call>")]
    public void Format_OfAnyKind_HoldsItsCalls(string format, string answer, string wrong)
    {
        var automaton = Automaton(format, Tools);

        Assert.True(automaton.Accepts(answer));
        Assert.False(automaton.CanBegin(wrong));
        Assert.DoesNotContain(
            "malformed", Answers.Describe(Answers.Parse([answer], Answers.Format(format))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"room": "a", "level": 3, "at": "2026-01-02T03:04:05Z", "colour": "Red", "xs": [1.5], "size": {"w": 1, "h": 2}}""", true)]
    [InlineData("""{"room": "a", "level": 3, "at": "2026-01-02T03:04:05Z", "colour": "Red", "xs": [], "on": null}""",
        true)]
    [InlineData("""{"room": "a", "level": 3.5""", false)]
    [InlineData("""{"room": "a", "level": "3""", false)]
    [InlineData("""{"room": "a", "level": 3, "at": "2026-01-02T03:04:05Z", "colour": "Red", "xs": [], "on": 1""",
        false)]
    [InlineData("""{"room": "a", "level": 3, "at": "today""", false)]
    [InlineData("""{"room": "a", "level": 3, "at": "2026-01-02T03:04:05Z", "colour": "Blue""", false)]
    [InlineData("""{"place""", false)]
    public void Method_OfDotNet_IsHeldToItsParameters(string arguments, bool isWhole)
    {
        var automaton = Automaton("hermes", AIFunctionFactory.Create(
            (string room, int level, DateTimeOffset at, Colour colour, double[] xs, bool? on = null,
            Size? size = null) => room,
            "f"));
        var call = $"<tool_call>\n{{\"name\": \"f\", \"arguments\": {arguments}";

        Assert.Equal(isWhole, automaton.CanBegin(call));
        Assert.Equal(isWhole, automaton.Accepts(call + "}\n</tool_call>"));
    }

    [Fact]
    public void Prefixes_OfAllFormats_StandInTheirGrammars()
    {
        foreach (var format in ToolCallFormats.All)
        {
            var automaton = Automaton(format.Name, Tools);
            foreach (var prefix in Tools.Select(tool => format.Prefix(tool.Name)).Append(format.Prefix(null))
                .OfType<string>())
            {
                Assert.True(automaton.CanBegin(prefix), $"{format.Name}: {prefix}");
            }
        }
    }

    [Theory]
    [InlineData(" <|constrain|>json<|message|>", true)]
    [InlineData("<|constrain|>json<|message|>", true)]
    [InlineData(" json<|message|>", true)]
    [InlineData("<|message|>", true)]
    [InlineData("json<|message|>", false)]
    [InlineData(" <|message|>", false)]
    public void HarmonyCall_HasSomethingThatEndsTheName(string end, bool isAllowed)
        => Assert.Equal(isAllowed, Offers.Automaton("harmony", Offers.Tool("f", "{}")).CanBegin(
            $"<|channel|>commentary to=functions.f{end}{{"));

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void RequiredCall_IsNoMessageToEveryone(bool isRequired, bool mayTalk)
    {
        var automaton = new GrammarAutomaton(Offers.Grammar("functionary-3.2", new()
        {
            Tools = [Offers.Tool("f", "{}"), Offers.Tool("g", "{}")],
            ToolMode = isRequired ? ChatToolMode.RequireAny : ChatToolMode.Auto,
        }).ToGuidance("").Grammar());

        Assert.Equal(mayTalk, automaton.CanBegin(">>>all\nHello"));
        Assert.True(automaton.CanBegin(">>>g\n{}"));
    }

    [Fact]
    public void Key_OfOtherToolsOrAnotherForm_IsAnother()
    {
        string[] keys =
        [
            Key(Tools[..1]), Key(Tools[..2]), Key([Tools[1], Tools[0]]), Key([Tool("set", "{}")]),
            Key([Tool("se", "{}")]),
            Grammar("pipe-tag", new() { Tools = [.. Tools[..1]] }).Key,
            Grammar("hermes", new() { Tools = [.. Tools[..1]], AllowMultipleToolCalls = false }).Key,
            Grammar("hermes", new() { Tools = [.. Tools[..1]] }, new("think", "<t>", "</t>")).Key,
            Grammar("hermes", new() { Tools = [.. Tools[..1]] }, new("think", "<t>", "</t>"), true).Key,
        ];

        Assert.Equal(keys, keys.Distinct());
        Assert.Equal(Key(Tools), Key(Tools));

        static string Key(AITool[] tools) => Grammar("hermes", new() { Tools = tools }).Key;
    }

    private sealed record Size(int W, int H);
}
