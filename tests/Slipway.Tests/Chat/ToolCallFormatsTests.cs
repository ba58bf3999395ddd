using Slipway.Chat;

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

    [Fact]
    public void Formats_All_HaveARow()
        => Assert.Equal(
            ToolCallFormats.All.Select(format => format.Name).Order(),
            Rows.Select(row => row.Data.Item1).Distinct().Order());

    [Theory]
    [MemberData(nameof(Rows))]
    public void Format_TaughtByTemplate_ReadsItsCalls(string name, string template, string answer, string expected)
    {
        var format = ToolCallFormats.For(template);

        Assert.Equal(name, format?.Name);
        Assert.Equal(expected, Answers.Describe(Answers.Parse([answer], format)));
        Assert.Equal(expected, Answers.Describe(Answers.Parse(answer.Select(c => c.ToString()), format)));
    }

    [Theory]
    [InlineData("hermes", "{}}\n</tool_call>")]
    [InlineData("tool-calls-tag", "{}}]</tool_calls>")]
    [InlineData("pipe-tag", "{}}]<|/tool_call|>")]
    [InlineData("function-tag", "</function></tool_call>")]
    [InlineData("key-value-tag", "</tool_call>")]
    [InlineData("llama-json", "{}}")]
    public void Prefix_OfAFunction_BeginsItsCall(string name, string rest)
    {
        var format = Answers.Format(name);

        Assert.Equal("call(go {})", Answers.Describe(Answers.Parse([format.Prefix("go") + rest], format)));
        Assert.StartsWith(format.Prefix(null)!, format.Prefix("go"));
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
