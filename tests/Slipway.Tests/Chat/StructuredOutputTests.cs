using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Testing;

namespace Slipway.Tests.Chat;

/// <summary>
/// Asks models of random weights for documents: what they cannot do by themselves, the grammar makes them do.
/// </summary>
public sealed class StructuredOutputTests
{
    private static readonly JsonElement Schema = JsonDocument.Parse(
        """
        {"type":"object","properties":{"ok":{"type":"boolean"},"name":{"type":"string","maxLength":4},"n":{"type":"integer",
        "minimum":10,"maximum":99}},"required":["ok","name","n"],"additionalProperties":false}
        """).RootElement;

    public enum Colour
    {
        Red,
        Green,
    }

    private static string Package => SharedAssets.Path("genai-packages", "llama-int4");

    [Theory]
    [InlineData(0f)]
    [InlineData(2f)]
    public async Task Schema_OfARequest_IsWhatTheAnswerSatisfies(float temperature)
    {
        using var client = new OnnxChatClient(Package);
        var options = new ChatOptions
        {
            ResponseFormat = ChatResponseFormat.ForJsonSchema(Schema),
            Temperature = temperature,
            Seed = 5,
        };

        var responses = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(i => client.GetResponseAsync($"Q{i}", options)));

        Assert.All(responses, response =>
        {
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
            var root = JsonDocument.Parse(response.Text).RootElement;
            Assert.True(root.GetProperty("ok").ValueKind is JsonValueKind.True or JsonValueKind.False);
            Assert.InRange(root.GetProperty("n").GetInt32(), 10, 99);
            Assert.Equal(3, root.EnumerateObject().Count());
        });
    }

    [Fact]
    public async Task Type_OfATypedRequest_IsRead()
    {
        using var client = new OnnxChatClient(Package);

        var response = await client.GetResponseAsync<Colour>("Which colour?");

        Assert.True(response.TryGetResult(out var colour));
        Assert.True(Enum.IsDefined(colour));
    }

    [Fact]
    public async Task Document_ThatTheLimitCutsOff_EndsByLength()
    {
        using var client = new OnnxChatClient(Package);

        var response = await client.GetResponseAsync(
            "Hi",
            new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(Schema), MaxOutputTokens = 3 });

        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.StartsWith("{", response.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_WithoutASchema_IsAnObject()
    {
        using var client = new OnnxChatClient(Package);

        var response = await client.GetResponseAsync(
            "Hi",
            new() { ResponseFormat = ChatResponseFormat.Json, MaxOutputTokens = 100, Temperature = 1, Seed = 3 });

        Assert.StartsWith("{", response.Text, StringComparison.Ordinal);
        Assert.True(response.FinishReason == ChatFinishReason.Length || JsonDocument.Parse(response.Text) is not null);
    }

    [Fact]
    public async Task Format_BesideToolsAndReasoning_ReachesTheEngineWithBoth()
    {
        using var model = new ScriptedModel([["{}"]])
        {
            Template = ScriptedModel.ReasoningTemplate,
            PromptEnd = "<think>\n",
        };
        using var client = model.ToClient();

        await client.GetResponseAsync(
            "Hi",
            new() { ResponseFormat = ChatResponseFormat.Json, Tools = [AIFunctionFactory.Create(() => "ok", "f")] });

        var guidance = Assert.Single(model.Guidance);
        Assert.Equal("</think>", guidance.After);
        var automaton = new Slipway.Guidance.GrammarAutomaton(guidance.Grammar());
        Assert.True(Guidance.GrammarWalks.Accepts(automaton, "\n\n{\"a\": [1, \"b\"]}"));
        Assert.True(Guidance.GrammarWalks.Accepts(automaton, "<tool_call>{\"name\": \"f\"}</tool_call>"));
        Assert.False(Guidance.GrammarWalks.Accepts(automaton, "Sure!"));
        Assert.False(Guidance.GrammarWalks.Accepts(automaton, "{\"a\": \"<tool_call>\"}"));
    }

    [Fact]
    public async Task StopSequences_BesideAFormat_DoNotCutTheDocument()
    {
        using var client = new OnnxChatClient(Package);

        var response = await client.GetResponseAsync(
            "Hi",
            new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(Schema), StopSequences = ["\"", "}"] });

        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(3, JsonDocument.Parse(response.Text).RootElement.EnumerateObject().Count());
    }

    [Fact]
    public async Task IgnoringTheEnd_BesideAFormat_IsRefused()
    {
        using var client = ScriptedModel.Answering("x").ToClient();

        var e = await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync(
            "Hi",
            new()
            {
                ResponseFormat = ChatResponseFormat.Json,
                AdditionalProperties = new() { ["ignore_eos"] = true },
            }));
        Assert.StartsWith(
            "ChatOptions.ResponseFormat asks for JSON, which 'ignore_eos' would run past. Leave 'ignore_eos' unset.",
            e.Message);
    }

    [Theory]
    [InlineData("{\"name\": \"a\"}", true)]
    [InlineData("<think>a {\"b\": 1} < c</think>\n\n{\"name\": \"a\"}", true)]
    [InlineData("{\"name\": \"a\", \"more\": 1}", false)]
    [InlineData("<think>a", false)]
    [InlineData("<think>a</think>b", false)]
    public async Task Reasoning_ThatTheModelOpensItself_StandsBeforeTheDocument(string answer, bool isTaken)
    {
        using var model = new ScriptedModel([["{}"]]) { Template = ScriptedModel.ReasoningTemplate };
        using var client = model.ToClient();

        await client.GetResponseAsync<Named>("Hi", useJsonSchemaResponseFormat: true);

        var automaton = new Slipway.Guidance.GrammarAutomaton(Assert.Single(model.Guidance).Grammar());
        Assert.Equal(isTaken, Guidance.GrammarWalks.Accepts(automaton, answer));
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}}}""", false)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":true}""", true)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"null"}}""",
        true)]
    [InlineData("""{"type":"object"}""", true)]
    public async Task Objects_OfAResponseSchema_AreClosedUnlessItSaysOtherwise(string schema, bool isOpen)
    {
        using var model = ScriptedModel.Answering("{}");
        using var client = model.ToClient();

        await client.GetResponseAsync(
            "Hi", new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonDocument.Parse(schema).RootElement) });

        var automaton = new Slipway.Guidance.GrammarAutomaton(Assert.Single(model.Guidance).Grammar());
        Assert.True(Guidance.GrammarWalks.Accepts(automaton, "{\"a\": 1}"));
        Assert.Equal(isOpen, Guidance.GrammarWalks.Accepts(automaton, "{\"a\": 1, \"b\": null}"));
        Assert.True(Guidance.GrammarWalks.Accepts(
            new(GuidanceGrammar.JsonSchema(schema).Element), "{\"a\": 1, \"b\": null}"));
    }

    public sealed record Named(string Name);
}
