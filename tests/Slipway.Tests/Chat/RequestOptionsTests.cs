using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Packaging;

namespace Slipway.Tests.Chat;

public sealed class RequestOptionsTests
{
    [Fact]
    public async Task EveryOption_ThatTheEngineKnows_ReachesIt()
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();
        var options = new ChatOptions
        {
            Temperature = 0.5f,
            TopK = 7,
            TopP = 0.75f,
            FrequencyPenalty = 0.25f,
            PresencePenalty = 0.125f,
            Seed = long.MaxValue,
            MaxOutputTokens = 9,
            StopSequences = ["END"],
            ModelId = "scripted",
            ResponseFormat = ChatResponseFormat.Text,
            AdditionalProperties = new()
            {
                ["min_p"] = 0.1,
                ["repetition_penalty"] = "1.5",
                ["no_repeat_ngram_size"] = 3L,
                ["min_tokens"] = JsonSerializer.SerializeToElement(2),
                ["ignore_eos"] = true,
                ["adapter"] = "poems",
                ["prompt_lookup_num_tokens"] = 5,
                ["chat_template_kwargs"] = new JsonObject { ["mode"] = "short" },
                ["somebody_elses"] = new object(),
            },
        };
        var before = JsonSerializer.Serialize(options.StopSequences) + options.AdditionalProperties.Count;

        await client.GetResponseAsync("Hi", options);

        var request = model.Requests[0];
        Assert.Equal(
            new SamplingOptions
            {
                Temperature = 0.5,
                TopK = 7,
                TopP = 0.75,
                MinP = 0.1,
                RepetitionPenalty = 1.5,
                FrequencyPenalty = 0.25,
                PresencePenalty = 0.125,
                NoRepeatNgramSize = 3,
                Seed = long.MaxValue,
            },
            request.Sampling with { BadWords = new SamplingOptions().BadWords });
        Assert.Equal(9, request.MaxOutputTokens);
        Assert.Equal(2, request.MinOutputTokens);
        Assert.Equal(["END"], request.StopSequences);
        Assert.True(request.IgnoreEndOfSequence);
        Assert.Equal("poems", request.Adapter);
        Assert.Equal(5, request.DraftTokens);
        Assert.Equal("short", (string?)model.Variables[0]["mode"]);
        Assert.Equal(before, JsonSerializer.Serialize(options.StopSequences) + options.AdditionalProperties.Count);
    }

    [Fact]
    public void OwnOptions_FromTheFactory_WinAndAreFilledUp()
    {
        var own = new OnnxChatRequestOptions { Temperature = 0.1 };
        var merged = ChatOptionsMapper.Merge(
            new() { Temperature = 0.9f, TopK = 5, RawRepresentationFactory = _ => own },
            new ScriptedModel([["x"]]).ToClient(),
            "scripted");

        Assert.Equal(0.1, merged.Temperature);
        Assert.Equal(5, merged.TopK);
        Assert.Null(own.TopK);
    }

    [Theory]
    [InlineData(null, "letters")]
    [InlineData("", null)]
    [InlineData("poems", "poems")]
    public async Task Adapter_OfTheRequest_WinsOverTheClients(string? request, string? expected)
    {
        using var model = ScriptedModel.Answering("x");
        using var client = new OnnxChatClient(
            new(model), "scripted", timeProvider: null, new() { Adapter = "letters" });

        await client.GetResponseAsync(
            "Hi", new() { RawRepresentationFactory = _ => new OnnxChatRequestOptions { Adapter = request } });

        Assert.Equal(expected, model.Requests[0].Adapter);
    }

    [Fact]
    public void Adapter_ThatIsNoText_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => ChatOptionsMapper.Merge(
            new() { AdditionalProperties = new() { ["adapter"] = 5 } }, new ScriptedModel([["x"]]).ToClient(),
            "scripted"));
        Assert.Equal(
            "ChatOptions.AdditionalProperties['adapter'] is '5' of type 'Int32'; expected a text.", error.Message);
    }

    [Fact]
    public void NoOptions_TakeThePackagesDefaults()
    {
        var search = new GenAISearch
        {
            DoSample = true, Temperature = 0.6, TopK = 20, TopP = 0.95, RepetitionPenalty = 1.1,
        };

        var sampling = ChatOptionsMapper.ToSampling(new(), search);

        Assert.Equal(
            (0.6, 20, 0.95, 1.1), (sampling.Temperature, sampling.TopK, sampling.TopP, sampling.RepetitionPenalty));
        Assert.Equal(0, ChatOptionsMapper.ToSampling(new(), new()).Temperature);
    }

    [Fact]
    public void SamplingOption_OnAGreedyPackage_MakesItSample()
    {
        var search = new GenAISearch { DoSample = false };

        Assert.Equal(0.7, ChatOptionsMapper.ToSampling(new() { Temperature = 0.7 }, search).Temperature);
        Assert.Equal(1, ChatOptionsMapper.ToSampling(new() { TopP = 0.9 }, search).Temperature);
        Assert.Equal(1, ChatOptionsMapper.ToSampling(new() { TopK = 5 }, search).Temperature);
        Assert.Equal(0, ChatOptionsMapper.ToSampling(new() { TopK = 1 }, search).Temperature);
        Assert.Equal(0, ChatOptionsMapper.ToSampling(new() { Temperature = 0, TopP = 0.9 }, search).Temperature);
    }

    public static TheoryData<ChatOptions, string> Unsupported => new()
    {
        {
            new() { ConversationId = "c1" },
            "ChatOptions.ConversationId is 'c1', but this client keeps no conversations. Leave it null and send the "
            + "whole history with each request; what was computed for it before is reused."
        },
        {
            new() { ModelId = "gpt" },
            "ChatOptions.ModelId is 'gpt'; this client serves 'scripted' only. Leave it null, or register a client of "
            + "its own for each model, by key."
        },
        {
            new() { AdditionalProperties = new() { ["n"] = 2 } },
            "ChatOptions.AdditionalProperties['n'] is '2', but a response of this client is one answer. Leave it out, "
            + "and send the request as often as answers are wanted; what was computed for its prompt is reused."
        },
        {
            new() { Tools = [new HostedWebSearchTool()] },
            "The tool 'web_search' in ChatOptions.Tools is of type 'HostedWebSearchTool', which a hosted service runs. "
            + "A local model is offered functions only: give an AIFunction or AIFunctionDeclaration."
        },
    };

    [Theory]
    [MemberData(nameof(Unsupported), DisableDiscoveryEnumeration = true)]
    public async Task Option_ThatCannotBeHonoured_IsRefusedByName(ChatOptions options, string message)
    {
        using var client = ScriptedModel.Answering("x").ToClient();

        var e = await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("Hi", options));
        Assert.Equal(message, e.Message);
    }

    [Fact]
    public void Values_OutOfRange_AreAllInOneMessage()
    {
        var e = Assert.Throws<ArgumentException>(() => Merge(new()
        {
            Temperature = -1,
            TopP = 2,
            TopK = -1,
            MaxOutputTokens = 0,
            StopSequences = [""],
            PresencePenalty = float.NaN,
            AdditionalProperties = new() { ["min_p"] = 7, ["prompt_lookup_num_tokens"] = 65 },
        }));
        Assert.Equal(
            "'Temperature' is '-1'; expected 0 or more. 'TopK' is '-1'; expected 0 or more. 'TopP' is '2'; expected "
            + "above 0 and at most 1. 'min_p' is '7'; expected from 0 to 1. 'PresencePenalty' is 'NaN'; expected a "
            + "finite number. 'MaxOutputTokens' is '0'; expected 1 or more. 'prompt_lookup_num_tokens' is '65'; "
            + "expected from 0 to 64. 'StopSequences' holds an empty text; expected texts of at least one character. "
            + "(Parameter 'options')",
            e.Message);
    }

    [Theory]
    [InlineData("min_p", "much", "'much' of type 'String'; expected a number.")]
    [InlineData("min_tokens", 1.5, "'1.5' of type 'Double'; expected a whole number.")]
    [InlineData("seed", 1e300, "'1E+300' of type 'Double'; expected a whole number.")]
    [InlineData("top_k", 5_000_000_000, "'5000000000' of type 'Int64'; expected a whole number.")]
    [InlineData(
        "stop_token_ids", new[] { 1.5 }, "'System.Double[]' of type 'Double[]'; expected a list of whole numbers.")]
    [InlineData("stop", 5, "'5' of type 'Int32'; expected a list of texts.")]
    [InlineData("ignore_eos", 3, "'3' of type 'Int32'; expected 'true' or 'false'.")]
    [InlineData("chat_template_kwargs", "x", "'x' of type 'String'; expected a JSON object.")]
    public void AdditionalProperty_OfAnotherKind_IsRefusedByName(string key, object value, string end)
    {
        var e = Assert.Throws<ArgumentException>(() => Merge(new() { AdditionalProperties = new() { [key] = value } }));
        Assert.Equal($"ChatOptions.AdditionalProperties['{key}'] is {end}", e.Message);
    }

    [Fact]
    public void Extras_OfOtherServers_AreTaken()
    {
        var request = Merge(new()
        {
            AdditionalProperties = new()
            {
                ["temperature"] = 0.5, ["top_k"] = 7, ["stop"] = "x", ["stop_token_ids"] = new[] { 3, 4 },
                ["bad_words"] = new[] { "no" }, ["logit_bias"] = new Dictionary<string, object?> { ["5"] = -100 },
                ["logprobs"] = true, ["top_logprobs"] = 2, ["max_tokens"] = 9, ["seed"] = 11,
                ["thinking_token_budget"] = 6, ["enable_thinking"] = false, ["unknown"] = new object(), ["n"] = 1,
                ["chat_template_kwargs"] = new Dictionary<string, object> { ["style"] = "short" },
            },
        });

        Assert.Equal((0.5, 7, 9, 11), (request.Temperature, request.TopK, request.MaxOutputTokens, request.Seed));
        Assert.Equal(["x"], request.StopSequences);
        Assert.Equal([3, 4], request.StopTokenIds);
        Assert.Equal(["no"], request.BadWords);
        Assert.Equal(-100, Assert.Single(request.LogitBias!, pair => pair.Key == 5).Value);
        Assert.Equal((2, 6), (request.LogProbabilities, request.MaxReasoningTokens));
        Assert.Equal("{\"style\":\"short\",\"enable_thinking\":false}", request.TemplateVariables!.ToJsonString());
        Assert.Null(Merge(new() { AdditionalProperties = new() { ["logprobs"] = false } }).LogProbabilities);
        Assert.Null(Merge(new() { AdditionalProperties = new() { ["top_logprobs"] = 3 } }).LogProbabilities);
    }

    public static TheoryData<string, object?> WholeNumbers => new()
    {
        { "int", 7 }, { "long", 7L }, { "short", (short)7 }, { "byte", (byte)7 }, { "uint", 7u }, { "ulong", 7ul },
        { "double", 7.0 }, { "float", 7f }, { "decimal", 7.0m }, { "text", "7" }, { "element", Json("7") },
        { "element of a double", Json("7.0") }, { "element of a text", Json("\"7\"") },
        { "node", JsonValue.Create(7L) }, { "parsed node", JsonNode.Parse("7") },
    };

    public static TheoryData<string, object?> Lists => new()
    {
        { "array", new[] { "5", "6" } }, { "numbers", new[] { 5, 6 } }, { "longs", new List<long> { 5, 6 } },
        { "objects", new object[] { 5, 6L } }, { "doubles", new[] { 5.0, 6.0 } }, { "node", new JsonArray(5, 6) },
        { "element", Json("[5, 6]") }, { "mixed", new List<object> { "5", Json("6") } },
    };

    public static TheoryData<string, object?> Biases => new()
    {
        { "ids", new Dictionary<int, float> { [5] = -3 } }, { "whole", new Dictionary<int, int> { [5] = -3 } },
        { "texts", new Dictionary<string, int> { ["5"] = -3 } },
        { "longs", new Dictionary<long, double> { [5] = -3 } },
        { "objects", new Dictionary<string, object?> { ["5"] = Json("-3") } }, { "element", Json("""{"5": -3}""") },
        { "node", new JsonObject { ["5"] = -3 } }, { "own", new AdditionalPropertiesDictionary { ["5"] = -3.0m } },
    };

    [Theory]
    [MemberData(nameof(WholeNumbers), DisableDiscoveryEnumeration = true)]
    public void Number_OfAnyType_IsTheSame(string type, object? value)
    {
        Assert.NotEmpty(type);
        var request = Merge(new()
        {
            AdditionalProperties = new()
            {
                ["top_k"] = value, ["seed"] = value, ["repetition_penalty"] = value, ["logprobs"] = value,
                ["stop_token_ids"] = value, ["min_p"] = Json("null"), ["ignore_eos"] = null,
            },
        });
        Assert.Equal((7, 7L, 7.0, 7), (
            request.TopK, request.Seed, request.RepetitionPenalty, request.LogProbabilities));
        Assert.Equal([7], request.StopTokenIds);
        Assert.Null(request.MinP);
        Assert.Null(request.IgnoreEndOfSequence);
    }

    [Theory]
    [MemberData(nameof(Lists), DisableDiscoveryEnumeration = true)]
    public void List_OfAnyType_IsTheSame(string type, object? value)
    {
        Assert.NotEmpty(type);
        Assert.Equal(
            [5, 6], Merge(new() { AdditionalProperties = new() { ["stop_token_ids"] = value } }).StopTokenIds);
    }

    [Theory]
    [MemberData(nameof(Biases), DisableDiscoveryEnumeration = true)]
    public void Biases_OfAnyType_AreTheSame(string type, object? value)
    {
        Assert.NotEmpty(type);
        var bias = Assert.Single(Merge(new() { AdditionalProperties = new() { ["logit_bias"] = value } }).LogitBias!);
        Assert.Equal((5, -3f), (bias.Key, bias.Value));
    }

    [Fact]
    public void Extras_OfJson_AreAsThoseOfDotNet()
    {
        var properties = new AdditionalPropertiesDictionary();
        foreach (var (name, value) in JsonNode.Parse(
            """
            {"seed": 5000000000, "stop": ["a", "b"], "bad_words": "c", "guide_tool_calls": false,
             "describe_tools": "true", "adapter": "poems", "logprobs": "true", "top_logprobs": 2,
             "chat_template_kwargs": {"a": [1, {"b": null}]}, "guided_json": {"type": "integer"}}
            """)!.AsObject())
        {
            properties[name] = value;
        }

        var request = Merge(new() { AdditionalProperties = properties });

        Assert.Equal(5_000_000_000, request.Seed);
        Assert.Equal(["a", "b"], request.StopSequences);
        Assert.Equal(["c"], request.BadWords);
        Assert.Equal((false, true, "poems", 2), (
            request.GuideToolCalls, request.DescribeTools, request.Adapter, request.LogProbabilities));
        Assert.Equal("""{"a":[1,{"b":null}]}""", request.TemplateVariables!.ToJsonString());
        Assert.NotNull(request.Guidance);
    }

    [Fact]
    public async Task Extras_OfARequest_ReachTheEngine()
    {
        using var client = new OnnxChatClient(Slipway.Testing.SharedAssets.Path("genai-packages", "llama-int4"));
        var options = new ChatOptions
        {
            MaxOutputTokens = 4,
            AdditionalProperties = new() { ["logprobs"] = true, ["top_logprobs"] = 3 },
        };
        var first = await client.GetResponseAsync("Hi", options);
        var tokens = Assert.IsAssignableFrom<IReadOnlyList<GeneratedToken>>(
            first.Messages[0].AdditionalProperties!["logprobs"]);
        Assert.Equal(first.Usage!.OutputTokenCount, tokens.Count);
        Assert.All(tokens, token => Assert.Equal(3, token.Alternatives.Count));

        options.AdditionalProperties["logit_bias"] = new Dictionary<string, float> { [$"{tokens[0].Id}"] = -100 };
        var second = await client.GetResponseAsync("Hi", options);
        var others = (IReadOnlyList<GeneratedToken>)second.Messages[0].AdditionalProperties!["logprobs"]!;
        Assert.NotEqual(tokens[0].Id, others[0].Id);
    }

    private static JsonElement Json(string json) => JsonElement.Parse(json);

    private static OnnxChatRequestOptions Merge(ChatOptions options)
        => ChatOptionsMapper.Merge(options, new ScriptedModel([["x"]]).ToClient(), "scripted");
}
