using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Guidance;
using Slipway.Sampling;
using static Slipway.Tests.Chat.Offers;

namespace Slipway.Tests.Chat;

/// <summary>Lets a writer of noise, which means to write malformed calls, answer under guidance.</summary>
public sealed class GuidedToolCallsTests(ITestOutputHelper output)
{
    private const int End = 0;

    private static readonly string[] Intents =
    [
        "Sure. <tool_call>\n{\"name\": \"unknown\", \"arguments\": {}}\n</tool_call>",
        "<tool_call>{\"name\":\"set\",\"arguments\":{\"Room\":1}}</tool_call>",
        "<tool_call>\n{\"name\": \"set_all\", \"arguments\": {\"on\": \"yes\", \"more\": "
        + "1}}\n</tool_call>\n<tool_call>[",
        "<<tool_call></tool_call><tool_call>",
        "<tool_call>\n{\"name\": \"a-b.c\", \"arguments\": {\"text\": \"no quote</tool_call>",
        "<think> <tool_call> </think> <tool_call>stop",
    ];

    private static readonly AITool[] Tools =
    [
        Tool("set", """
            {"type":"object","properties":{"room":{"type":"string","enum":["kitchen","küche"]},"level":{"type":"integer",
            "minimum":0,"maximum":100},"at":{"type":"object","properties":{"x":{"type":"number"},"y":{"type":"number"}},
            "required":["x"]}},"required":["room"]}
            """),
        Tool("set_all", """{"type":"object","properties":{"on":{"type":"boolean"}},"required":["on"]}"""),
        Tool("a-b.c", """{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}"""),
        Tool("odd", """{"type":"object","properties":{"code":{"type":"string","pattern":"^[A-Z]+$"}}}"""),
        Tool("stop", """{"type":"object","properties":{}}"""),
    ];

    // The tags as tokens of their own, and as several; pieces that reach over a tag's border on either side.
    private static readonly string[] Pieces =
    [
        "<tool_call>", "</tool_call>", "<tool", "_call", "_call>", "_call>\n", "_call>\n{\"", "_call>[", "_call>x",
        ">\n{\"name",
        ".<tool_call>", " <tool_call>\n{\"name\": \"unknown", "<tool_call>\n{\"name\": \"set",
            "</tool_call>\n<tool_call>",
        "}</", "}}\n</tool_call>", "</tool", ">\n<tool_call>{\"name\": \"stop\"}</tool_call>", "{\"name\": \"", "name",
            "\": \"",
        "\", \"arguments\": {", "arguments", "set", "_all", "a-", "b.c", "kitchen", "true", "on\": ", "ü", "🙂",
            "<think>", "</think>",
        "12", "1.", "e5", "Sure", ". ", "\\", "\\n", "\\u", "00e4", "\"}", "\"}}", "]", "[{", "<tool_call>",
    ];

    [Theory]
    [InlineData("hermes", true)]
    [InlineData("hermes", false)]
    public void Answers_OfSeedsOneToFifty_HoldOnlyValidCalls(string formatName, bool tagsAreTokens)
    {
        var format = Answers.Format(formatName);
        var reasoning = new ReasoningFormat("think", "<think>", "</think>");
        var table = Table(tagsAreTokens, out var vocabulary);
        var (calls, cutOff, twice) = (0, 0, 0);
        for (var seed = 1; seed <= 50; seed++)
        {
            var options = new ChatOptions { Tools = Tools };
            var processor = Grammar(formatName, options, reasoning).Processor(table, End);
            var answer = Write(processor, vocabulary, seed, out var ended);
            var contents = Answers.Parse([answer], format, reasoning).OfType<FunctionCallContent>().ToList();

            cutOff += ended ? 0 : 1;
            Assert.All(ended ? contents : contents.SkipLast(1), call => AssertValid(call, answer));
            calls += contents.Count;
            twice += contents.Count > 1 ? 1 : 0;
        }

        output.WriteLine($"{calls} calls, {twice} answers with several, {cutOff} of 50 cut off");
        Assert.True(calls > 50 && twice > 10 && cutOff < 10);
    }

    [Fact]
    public void Answers_WithoutGuidance_HoldCallsThatAreNotValid()
    {
        var table = Table(tagsAreTokens: true, out var vocabulary);
        var reasoning = new ReasoningFormat("think", "<think>", "</think>");
        var answer = Write(null, vocabulary, 1, out _);

        var calls = Answers.Parse([answer], Answers.Format("hermes"), reasoning).OfType<FunctionCallContent>();
        Assert.Contains(calls, call => call.Exception is not null || Tools.All(tool => tool.Name != call.Name));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RequiredCall_OfSeedsOneToFifty_BeginsEveryAnswer(bool isSpecific)
    {
        var format = Answers.Format("hermes");
        var table = Table(tagsAreTokens: true, out var vocabulary);
        var prefix = format.Prefix(isSpecific ? "set_all" : null)!;
        for (var seed = 1; seed <= 50; seed++)
        {
            var options = new ChatOptions { Tools = Tools, AllowMultipleToolCalls = false };
            var answer = Write(
                Grammar("hermes", options).Processor(table, End, prefix), vocabulary, seed, out var ended);
            if (ended)
            {
                var call = Assert.IsType<FunctionCallContent>(Assert.Single(Answers.Parse([prefix + answer], format)));
                AssertValid(call, answer);
                Assert.True(!isSpecific || call.Name == "set_all");
            }

            Assert.True(ended || !isSpecific);
        }
    }

    [Fact]
    public void TokensAcrossATag_AreForbiddenWhereTheyDoNotFit()
    {
        var table = Table(tagsAreTokens: true, out var vocabulary);

        Assert.DoesNotContain("_call>[", Allowed("x <tool"));
        Assert.DoesNotContain("_call>x", Allowed("x <tool"));
        Assert.Contains("_call>x", Allowed("x"));
        Assert.Contains("_call>\n{\"", Allowed("x <tool"));
        Assert.Contains("<tool_call>\n{\"name\": \"set", Allowed("x "));
        Assert.DoesNotContain(" <tool_call>\n{\"name\": \"unknown", Allowed("x"));
        Assert.Contains("</tool_call>\n<tool_call>", Allowed("<tool_call>{\"name\": \"stop\"}"));
        Assert.Contains(
            ">\n<tool_call>{\"name\": \"stop\"}</tool_call>", Allowed("<tool_call>{\"name\": \"stop\"}</tool_call"));
        Assert.DoesNotContain("", Allowed("<tool_call>{\"name\": \"stop\"}"));
        Assert.Contains("", Allowed("<tool_call>{\"name\": \"stop\"}</tool_call>"));

        // In a string the tag's own token is a slip, its text is text.
        const string InText = "<tool_call>{\"name\": \"a-b.c\", \"arguments\": {\"text\": \"a";
        Assert.DoesNotContain("</tool_call>", Allowed(InText));
        Assert.Contains("</tool", Allowed(InText));

        string[] Allowed(string text)
        {
            var processor = Grammar("hermes", new() { Tools = Tools }).Processor(table, End);
            var logits = new float[vocabulary.Length];
            processor.Process([], [.. Encoding.UTF8.GetBytes(text).Select(value => 1 + value)], logits);
            return [.. Enumerable.Range(0, logits.Length).Where(id => logits[id] == 0)
                .Select(id => id == End ? "" : Encoding.UTF8.GetString(vocabulary[id]))];
        }
    }

    [Fact]
    public void Ban_OfTheOnlyTokensThatFit_GivesWayToTheCall()
    {
        var table = Table(tagsAreTokens: true, out var vocabulary);
        int[] bytes = [.. Encoding.UTF8.GetBytes("<tool_call>{\"nam").Select(value => 1 + value)];
        var guidance = Grammar("hermes", new() { Tools = Tools }).Processor(table, End);
        var banned = LogitsProcessors.For(new() { BadWords = [[1 + 'e']] });

        var chosen = new Sampler([guidance, .. banned], null, null).Choose([1], bytes, new float[vocabulary.Length]);
        Assert.Equal(1 + 'e', chosen.Id);
    }

    // Writes its intents, and noise where they are forbidden; quotes and brackets often, or texts would hardly end.
    private static string Write(GuidanceProcessor? processor, byte[][] vocabulary, int seed, out bool ended)
    {
        var random = new Random(seed);
        var ids = new List<int>();
        var bytes = new List<byte>();
        var (intent, at) = (Encoding.UTF8.GetBytes(Intents[seed % Intents.Length]), 0);
        for (ended = false; ids.Count < 600;)
        {
            var logits = new float[vocabulary.Length];
            for (var id = 0; id < logits.Length; id++)
            {
                logits[id] = (float)(random.NextDouble() * 4)
                    + (vocabulary[id] is [(byte)'"' or (byte)'}' or (byte)']', ..] ? 2 : 0)
                    + (vocabulary[id].Length > 0 && at < intent.Length && intent.AsSpan(at).StartsWith(vocabulary[id])
                        ? 5 : 0);
            }

            logits[End] = at >= intent.Length && ids.Count > 60 ? 7 : -1;
            processor?.Process([], ids.ToArray(), logits);
            var best = Array.IndexOf(logits, logits.Max());
            ids.Add(best);
            if (best == End)
            {
                ended = true;
                break;
            }

            bytes.AddRange(vocabulary[best]);
            at = at < intent.Length && intent.AsSpan(at).StartsWith(vocabulary[best]) ? at + vocabulary[best].Length
                : at < intent.Length && random.Next(20) > 0 ? at
                : random.Next(6) == 0 ? Restart()
                : intent.Length;
        }

        return Encoding.UTF8.GetString([.. bytes]);

        int Restart()
        {
            intent = Encoding.UTF8.GetBytes(Intents[random.Next(Intents.Length)]);
            return 0;
        }
    }

    // Id 0 ends the answer; the next 256 are the bytes.
    private static TokenTable Table(bool tagsAreTokens, out byte[][] vocabulary)
    {
        var pieces = tagsAreTokens ? Pieces : Pieces.Where(piece => piece is not ("<tool_call>" or "</tool_call>"));
        var tokens = vocabulary =
        [
            [], .. Enumerable.Range(0, 256).Select(value => new[] { (byte)value }),
            .. pieces.Select(Encoding.UTF8.GetBytes),
        ];
        var tags = Enumerable.Range(0, tokens.Length)
            .Where(id => Encoding.UTF8.GetString(tokens[id]) is "<tool_call>" or "</tool_call>" or "<think>"
            or "</think>");
        return new(tokens, tags.ToHashSet());
    }

    private static void AssertValid(FunctionCallContent call, string answer)
    {
        Assert.True(call.Exception is null, $"{call.Exception?.Message}\n{answer}");
        var arguments = call.Arguments!.ToDictionary(pair => pair.Key, pair => (JsonElement)pair.Value!);
        switch (call.Name)
        {
            case "set":
                Assert.Contains(arguments["room"].GetString(), new[] { "kitchen", "küche" });
                Assert.Empty(arguments.Keys.Except(["room", "level", "at"]));
                Assert.True(!arguments.TryGetValue("level", out var level) || level.GetInt32() is >= 0 and <= 100);
                Assert.True(!arguments.TryGetValue("at", out var at)
                    || at.GetProperty("x").ValueKind == JsonValueKind.Number);
                break;
            case "set_all":
                Assert.Equal("on", Assert.Single(arguments.Keys));
                Assert.True(arguments["on"].ValueKind is JsonValueKind.True or JsonValueKind.False);
                break;
            case "a-b.c":
                Assert.Equal("text", Assert.Single(arguments.Keys));
                Assert.Equal(JsonValueKind.String, arguments["text"].ValueKind);
                break;
            case "stop":
                Assert.Empty(arguments);
                break;
            default:
                Assert.Equal("odd", call.Name);
                break;
        }
    }
}
