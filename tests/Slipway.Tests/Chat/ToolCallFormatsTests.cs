using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Tests.Guidance;

namespace Slipway.Tests.Chat;

public sealed class ToolCallFormatsTests
{
    // name, a piece of a template that teaches it, an answer, what it holds
    public static TheoryData<string, string, string, string> Rows => new()
    {
        {
            "hermes",
            "within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>}",
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"b\"}}\n</tool_call>",
            "call(f {\"a\": \"b\"})"
        },
        {
            "function-tag",
            "<tool_call>\n<function=example>\n<parameter=example>\nvalue</tool_call>",
            "<tool_call>\n<function=f>\n<parameter=a>\nx\ny\n</parameter>\n"
                + "<parameter=n>\n3\n</parameter>\n</function>\n</tool_call>",
            "call(f {\"a\": \"x\\ny\",\"n\": 3})"
        },
        {
            "key-value-tag",
            "<tool_call>{function-name}<arg_key>{arg-key-1}</arg_key></tool_call>",
            "<tool_call>f<arg_key>a</arg_key><arg_value>x</arg_value>"
                + "<arg_key>n</arg_key><arg_value>[1]</arg_value></tool_call>",
            "call(f {\"a\": \"x\",\"n\": [1]})"
        },
        {
            "tool-calls-tag",
            "\"<tool_calls>\" \"</tool_calls>\"",
            "<tool_calls>[\n{\"name\": \"f\", \"arguments\": {}},{\"name\": \"g\", \"arguments\": {}}\n]</tool_calls>",
            "call(f {}) call(g {})"
        },
        {
            "pipe-tag",
            "'<|tool_call|>' + calls + '<|/tool_call|>'",
            "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]<|/tool_call|>",
            "call(f {\"a\": 1})"
        },
        {
            "mistral",
            "{{- \"[TOOL_CALLS] [\" }}",
            "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}}]",
            "call(f {\"a\": 1})"
        },
        {
            "mistral",
            "[TOOL_CALLS]",
            "[TOOL_CALLS]f[CALL_ID]abc[ARGS]{\"a\": \"}\"}[TOOL_CALLS]g{}",
            "call(f {\"a\": \"}\"}) call(g {})"
        },
        {
            "llama-json",
            "Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its "
            + "value}.",
            "{\"name\": \"f\", \"parameters\": {\"a\": 1}}",
            "call(f {\"a\": 1})"
        },
        {
            "llama-json",
            "{\"name\": function name, \"parameters\": dictionary}",
            "{\"name\": \"Ada\", \"born\": 1815} is an answer.",
            "text({\"name\": \"Ada\", \"born\": 1815} is an answer.)"
        },
    };

    public static TheoryData<string> Names => [.. ToolCallFormats.All.Select(format => format.Name)];

    [Fact]
    public void Names_OfTheFormats_AreDistinct() => Assert.Equal(Names.Count, Names.Distinct().Count());

    [Theory]
    [MemberData(nameof(Rows))]
    public void Format_TaughtByTemplate_ReadsItsCalls(string name, string template, string answer, string expected)
    {
        var format = ToolCallFormats.All.First(format => format.IsIn(template));

        Assert.Equal(name, format.Name);
        Assert.Equal(expected, Answers.Describe(Answers.Parse([answer], format)));
        Assert.Equal(expected, Answers.Describe(Answers.Parse(answer.Select(c => c.ToString()), format)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Calls_Written_AreReadAgainAndGuided(string name)
    {
        var format = Answers.Format(name);
        var tool = Offers.Tool("go", """
            {"type":"object","properties":{"text":{"type":"string"},"n":{"type":"integer"},"on":{"type":"boolean"},
            "xs":{"type":"array","items":{"type":"number"}}},"required":["text","n"]}
            """);
        var arguments = new Dictionary<string, object?>
        {
            ["text"] = "12345", ["n"] = 7, ["on"] = true, ["xs"] = new[] { 1.5, 2 },
        };
        ToolCall[] calls =
        [
            new("go", arguments), new("go", new Dictionary<string, object?> { ["text"] = "a ü", ["n"] = 0 }),
        ];
        foreach (var written in new[] { format.Write(calls[..1]), format.Write(calls) })
        {
            var expected = Answers.Describe(calls[..(written == format.Write(calls) ? 2 : 1)].Select(
                call => new FunctionCallContent("id", call.Name, call.Arguments.ToDictionary())));

            Assert.Equal(expected, Answers.Describe(Answers.Parse([written], format, functions: [tool])));
            Assert.Equal(
                expected,
                Answers.Describe(Answers.Parse(written.Select(c => c.ToString()), format, functions: [tool])));
            Assert.True(Offers.Automaton(name, tool).Accepts(written), written);
        }

        Assert.StartsWith(format.Prefix("go"), format.Write(calls[..1]));
        Assert.StartsWith(format.Prefix(null), format.Prefix("go"));
        Assert.False(Offers.Automaton(name, tool).CanBegin(format.Prefix("other")));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Call_CutOff_KeepsItsTextAndSaysWhy(string name)
    {
        var format = Answers.Format(name);
        var tool = Offers.Tool("go", """{"type":"object","properties":{"text":{"type":"string"}}}""");
        var written = format.Write([new("go", new Dictionary<string, object?> { ["text"] = "abc" })]);
        written = written[..written.IndexOf("bc", StringComparison.Ordinal)];

        var content = Assert.Single(Answers.Parse([written], format, functions: [tool]));

        var call = Assert.IsType<FunctionCallContent>(content);
        Assert.NotNull(call.Exception);
        Assert.Equal("go", call.Name);
        Assert.EndsWith(written.TrimStart(), (string)call.RawRepresentation!, StringComparison.Ordinal);
    }

    [Fact]
    public void Calls_AfterSemicolons_AreReadWithoutThem()
    {
        const string One = "{\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"a\": 1}}";
        var format = Answers.Format("llama-json");

        foreach (var answer in (string[])[$"{One}; {One}", $"{One};{One}\n", $" {One} ;\n {One};"])
        {
            var read = Answers.Parse(answer.Select(c => c.ToString()), format);
            Assert.Equal(
                "call(f {\"a\": 1}) call(f {\"a\": 1})",
                Answers.Describe(read.OfType<FunctionCallContent>()));
        }

        Assert.Equal(
            "call(f {\"a\": 1}) text(; and so on)", Answers.Describe(Answers.Parse([$"{One}; and so on"], format)));
    }

    [Theory]
    [InlineData("[TOOL_CALLS]words without any call", "")]
    [InlineData("[TOOL_CALLS]f[ARGS]{\"a\": ", "f")]
    public void MistralCall_Malformed_IsKept(string answer, string name)
        => Assert.Equal(
            $"malformed({name} {answer})",
            Answers.Describe(Answers.Parse([answer], Answers.Format("mistral"))));

    [Theory]
    [InlineData("<tool_call>\n<function=f>\n<parameter=a>\nx</tool_call>", "function-tag", "f")]
    [InlineData("<tool_call>words</tool_call>", "function-tag", "")]
    [InlineData("<tool_call>f<arg_key>a</arg_key></tool_call>", "key-value-tag", "f")]
    [InlineData("<tool_call> </tool_call>", "key-value-tag", "")]
    public void TagCall_Malformed_IsKept(string answer, string format, string name)
        => Assert.Equal(
            $"malformed({name} {answer})",
            Answers.Describe(Answers.Parse([answer], Answers.Format(format))));
}
