using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Testing;
using Slipway.Tests.Guidance;

namespace Slipway.Tests.Chat;

/// <summary>Holds answers of the chat client to grammars that a request brings.</summary>
public sealed class GuidedAnswersTests
{
    public static TheoryData<string, object> Additional => new()
    {
        { "guided_regex", "[0-9]{3}" },
        { "guided_choice", new[] { "123", "four" } },
        { "guided_choice", JsonSerializer.SerializeToElement(new[] { "123", "four" }) },
        { "guided_grammar", "root ::= [1-3]+" },
        { "guided_json", new JsonObject { ["type"] = "integer" } },
        { "guided_json", JsonSerializer.SerializeToElement(new { type = "integer" }) },
        { "guided_json", """{"type":"integer"}""" },
    };

    [Theory]
    [MemberData(nameof(Additional), DisableDiscoveryEnumeration = true)]
    public async Task Grammar_OfAnAdditionalProperty_ReachesTheEngine(string key, object value)
    {
        using var model = new ScriptedModel([["123"]]);
        using var client = model.ToClient();

        await client.GetResponseAsync("Hi", new() { AdditionalProperties = new() { [key] = value } });

        var automaton = new GrammarAutomaton(Assert.Single(model.Guidance).Grammar());
        Assert.True(automaton.Accepts("123"));
        Assert.False(automaton.Accepts("12c"));
    }

    [Fact]
    public async Task Grammar_AfterReasoning_HoldsFromItsEnd()
    {
        using var model = new ScriptedModel([["x</think>yes"]])
        {
            Template = ScriptedModel.ReasoningTemplate,
            PromptEnd = "<think>\n",
        };
        using var client = model.ToClient();

        await client.GetResponseAsync("Hi", Guided(GuidanceGrammar.Choice("yes", "no")));

        var guidance = Assert.Single(model.Guidance);
        Assert.Equal("</think>", guidance.After);
        Assert.True(new GrammarAutomaton(guidance.Grammar()).Accepts("\n\nyes"));
    }

    [Fact]
    public async Task Choice_OfARequest_IsWhatTheModelAnswers()
    {
        using var client = new OnnxChatClient(SharedAssets.Path("genai-packages", "llama-int4"));

        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => client.GetResponseAsync(
            $"Q{i}", Guided(GuidanceGrammar.Choice("on", "off")))));

        Assert.All(answers, answer => Assert.Contains(answer.Text, new[] { "on", "off" }));
        Assert.All(answers, answer => Assert.Equal(ChatFinishReason.Stop, answer.FinishReason));
    }

    public static TheoryData<ChatOptions, string> Refused => new()
    {
        {
            new() { Tools = [AIFunctionFactory.Create(() => "ok", "f")] },
            "The request has Guidance of the form 'regex' beside Tools or a JSON ResponseFormat, and an answer can be "
            + "held to one of them. Leave the others out."
        },
        {
            new() { ResponseFormat = ChatResponseFormat.Json },
            "The request has Guidance of the form 'regex' beside Tools or a JSON ResponseFormat, and an answer can be "
            + "held to one of them. Leave the others out."
        },
        {
            new() { AdditionalProperties = new() { ["ignore_eos"] = true } },
            "The request has Guidance and 'ignore_eos', but an answer that its grammar completes must end. Leave "
            + "'ignore_eos' unset."
        },
        {
            new()
            {
                AdditionalProperties = new()
                {
                    ["guided_choice"] = new[] { "a" }, ["guided_grammar"] = "root ::= \"a\"",
                },
            },
            "ChatOptions.AdditionalProperties has several of 'guided_regex', 'guided_choice', 'guided_grammar' and "
            + "'guided_json'; an answer can be held to one. Leave the others out."
        },
        {
            new() { AdditionalProperties = new() { ["guided_choice"] = 7 } },
            "ChatOptions.AdditionalProperties['guided_choice'] is '7' of type 'Int32'; expected a list of texts."
        },
    };

    [Theory]
    [MemberData(nameof(Refused), DisableDiscoveryEnumeration = true)]
    public async Task Grammar_BesideWhatItCannotGoWith_IsRefused(ChatOptions options, string message)
    {
        using var client = ScriptedModel.Answering("x").ToClient();
        options.RawRepresentationFactory = _ => options.AdditionalProperties?.ContainsKey("guided_choice") == true
            ? null
            : new OnnxChatRequestOptions { Guidance = GuidanceGrammar.Regex("a") };

        var e = await Assert.ThrowsAnyAsync<SystemException>(() => client.GetResponseAsync("Hi", options));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }

    private static ChatOptions Guided(GuidanceGrammar grammar)
        => new() { RawRepresentationFactory = _ => new OnnxChatRequestOptions { Guidance = grammar } };
}
