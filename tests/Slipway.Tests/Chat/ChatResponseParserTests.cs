using Microsoft.Extensions.AI;
using Slipway.Chat;

namespace Slipway.Tests.Chat;

public sealed class ChatResponseParserTests
{
    private static readonly ToolCallFormat Hermes = Answers.Format("hermes");
    private static readonly ReasoningFormat Think = ReasoningFormats.All.Single(row => row.Name == "think");

    [Theory]
    [InlineData("Hello there.", "text(Hello there.)")]
    [InlineData(" spaced \n", "text( spaced \n)")]
    [InlineData("a < b <tool", "text(a < b <tool)")]
    [InlineData(
        "Sure.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\nDone.",
        "text(Sure.) call(f {\"a\": 1}) text(Done.)")]
    [InlineData(
        "<tool_call>{\"name\":\"f\"}</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":\"{\\\"b\\\":2}\"}"
        + "</tool_call>",
        "call(f {}) call(g {\"b\": 2})")]
    [InlineData(
        "<tool_call>{\"name\":\"say\",\"arguments\":{\"t\":\"</tool_call>\"}}</tool_call>",
        "call(say {\"t\": \"</tool_call>\"})")]
    [InlineData("<think>Hm.\n</think>\n\nYes.", "reasoning(Hm.) text(Yes.)")]
    [InlineData("<think>\n\n</think>\n\nYes.", "text(Yes.)")]
    [InlineData("<think>never closed ", "reasoning(never closed )")]
    [InlineData(
        "<think>a <tool_call> b</think><tool_call>{\"name\":\"f\"}</tool_call>",
        "reasoning(a <tool_call> b) call(f {})")]
    public void Answer_OfAnyKind_IsSplitIntoItsParts(string answer, string expected)
        => Assert.Equal(expected, Answers.Describe(Answers.Parse([answer], Hermes, Think)));

    [Theory]
    [InlineData("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": }}</tool_call> Ok.", "f", " Ok.")]
    [InlineData("<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call> Ok.", "f", " Ok.")]
    [InlineData("<tool_call>{\"name\": \"f, \"arguments\": {}}</tool_call> Ok.", "", " Ok.")]
    [InlineData("<tool_call>{\"arguments\": {}}</tool_call> Ok.", "", " Ok.")]
    [InlineData("<tool_call>{\"name\": 3}</tool_call> Ok.", "", " Ok.")]
    [InlineData("<tool_call><tool_call>{\"name\":\"f\"}</tool_call> Ok.", "f", " Ok.")]
    [InlineData("<tool_call>{\"name\": \"f\", \"argum", "f", "")]
    [InlineData("<tool_call>", "", "")]
    public void MalformedCall_OfAnyKind_CarriesItsTextAndException(string answer, string name, string after)
    {
        var contents = Answers.Parse([answer], Hermes);

        var call = Assert.IsType<FunctionCallContent>(contents[0]);
        Assert.Equal(name, call.Name);
        Assert.Equal("id0", call.CallId);
        Assert.Null(call.Arguments);
        Assert.StartsWith("The model wrote a tool call that is malformed or cut off: ", call.Exception!.Message);
        Assert.Equal(answer[..^after.Length], call.RawRepresentation);
        Assert.Equal(after.Trim(), string.Concat(contents.Skip(1).Cast<TextContent>().Select(text => text.Text)));
    }

    [Fact]
    public void UnclosedCall_WithWholeJson_IsACall()
        => Assert.Equal("call(f {})", Answers.Describe(Answers.Parse(["<tool_call>{\"name\":\"f\"}\n"], Hermes)));

    [Fact]
    public void ForgottenQuote_BeforeAnotherCall_LosesOnlyItsOwn()
    {
        const string Answer = "<tool_call>{\"name\": \"f}</tool_call>a<tool_call>{\"name\":\"g\"}</tool_call>b";

        Assert.Equal(
            "malformed( <tool_call>{\"name\": \"f}</tool_call>) text(a) call(g {}) text(b)",
            Answers.Describe(Answers.Parse([Answer], Hermes)));
    }

    [Fact]
    public void Prompt_ThatOpensReasoning_StartsInIt()
        => Assert.Equal(
            "reasoning(Hm.) text(Yes.)",
            Answers.Describe(Answers.Parse(["\nHm.</think>Yes."], Hermes, Think, startsInReasoning: true)));

    [Fact]
    public void PartialTag_WhileStreaming_IsHeldBack()
    {
        var parser = new ChatResponseParser(Think, Hermes, _ => "id");
        var contents = new List<AIContent>();
        foreach (var c in "Hi <tool_cal")
        {
            parser.Append(c.ToString(), contents);
        }

        Assert.Equal("text(Hi)", Answers.Describe(contents));
        parser.Append("m", contents);
        Assert.Equal("text(Hi <tool_calm)", Answers.Describe(contents));
    }

    [Fact]
    public void NoFormat_LetsEverythingThrough()
    {
        var parser = new ChatResponseParser(null, null, _ => "id");
        var contents = new List<AIContent>();
        parser.Append("<tool_call> ", contents);

        Assert.Equal("text(<tool_call> )", Answers.Describe(contents));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AnyAnswer_CutAnywhere_GivesTheSame(int seed)
    {
        string[] parts =
        [
            "<tool_call>", "</tool_call>", "<think>", "</think>", "<tool_",
            "{\"name\":\"f\",\"arguments\":{\"x\":\"<\"}}",
            "{\"name\":\"g\"}", "\"", "\\", "\n", " ", "text", "<", "[", "{", "}", "é", "[TOOL_CALLS]", "😀",
                "[{\"name\":\"h\"}]",
            "{\"name\": \"k\", \"parameters\": {}}", "name[ARGS]{}", "<arg_key>", "</arg_key>", "<function=f>",
                "</parameter>",
        ];
        var random = new Random(seed);
        for (var round = 0; round < 400; round++)
        {
            var answer = string.Concat(
                Enumerable.Range(0, random.Next(1, 14)).Select(_ => parts[random.Next(parts.Length)]));
            var format = ToolCallFormats.All[random.Next(ToolCallFormats.All.Count)];
            var reasoning = random.Next(3) == 0 ? null : Think;
            var whole = Answers.Describe(Answers.Parse([answer], format, reasoning));
            var pieces = new List<string>();
            for (var at = 0; at < answer.Length;)
            {
                var length = Math.Min(random.Next(1, 6), answer.Length - at);
                pieces.Add(answer.Substring(at, length));
                at += length;
            }

            Assert.Equal(whole, Answers.Describe(Answers.Parse(pieces, format, reasoning)));
        }
    }

    [Theory]
    [InlineData("<tool_call>")]
    [InlineData("<tool_call>\"")]
    [InlineData("</tool_call>")]
    [InlineData("<tool_call>{</tool_call>")]
    [InlineData("<think></think>a")]
    [InlineData("[[[[{{{{")]
    [InlineData("<")]
    [InlineData(" ")]
    public void Junk_OfAMegabyte_KeepsEveryCharacterOfText(string unit)
    {
        var junk = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));

        foreach (var format in ToolCallFormats.All)
        {
            var contents = Answers.Parse(junk.Chunk(64).Select(piece => new string(piece)), format, Think);
            var kept = contents.Sum(content => content switch
            {
                TextContent text => text.Text.Length,
                FunctionCallContent call => ((string)call.RawRepresentation!).Length,
                _ => 0,
            });
            Assert.Equal(unit.Contains("think") ? junk.Count(c => c == 'a') : junk.Length, kept);
        }
    }
}
