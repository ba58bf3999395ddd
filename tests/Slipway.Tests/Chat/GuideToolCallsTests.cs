using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Testing;
using Slipway.Tests.Guidance;
using static Slipway.Tests.Chat.Offers;

namespace Slipway.Tests.Chat;

/// <summary>Asks a model of random weights for calls, with guidance and without.</summary>
public sealed class GuideToolCallsTests
{
    private static readonly AITool[] Tools =
    [
        Tool("light", """
            {"type":"object","properties":{"on":{"type":"boolean"},"n":{"type":"integer","minimum":0,"maximum":9}},"required":["on"]}
            """),
        Tool("lights", """{"type":"object","properties":{"room":{"enum":["a","b"]}},"required":["room"]}"""),
    ];

    private static string Package => SharedAssets.Path("genai-packages", "llama-int4");

    [Theory]
    [InlineData(0f)]
    [InlineData(1.5f)]
    public async Task RequiredCalls_OfARandomModel_AreAllValid(float temperature)
    {
        using var folder = PackageWithTools();
        using var client = new OnnxChatClient(folder.Path);

        // Eight at once follow the same grammar.
        foreach (var seeds in Enumerable.Range(1, 50).Chunk(8))
        {
            var responses = await Task.WhenAll(
                seeds.Select(seed => client.GetResponseAsync($"{seed}", Required(seed, temperature))));
            Assert.All(responses,
                response => AssertValid(Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0])));
        }
    }

    [Fact]
    public async Task Required_OneFunction_IsCalledWithItsArguments()
    {
        using var folder = PackageWithTools();
        using var client = new OnnxChatClient(folder.Path);
        var options = Required(3, 1.5f);
        options.ToolMode = ChatToolMode.RequireSpecific("lights");

        var call = Assert.IsType<FunctionCallContent>(
            (await client.GetResponseAsync("Hi", options)).Messages[0].Contents[0]);

        Assert.Equal("lights", call.Name);
        AssertValid(call);
    }

    [Theory]
    [InlineData(false, null, null)]
    [InlineData(true, false, null)]
    [InlineData(true, null, "false")]
    public async Task Guidance_TurnedOff_LeavesCallsAsTheModelWritesThem(bool client, bool? request, string? property)
    {
        using var folder = PackageWithTools();
        using var chat = new OnnxChatClient(
            new OnnxChatClientOptions { PackagePath = folder.Path, GuideToolCalls = client });
        var options = Required(1, 1.5f);
        options.RawRepresentationFactory = _ => new OnnxChatRequestOptions { GuideToolCalls = request };
        options.AdditionalProperties = property is null ? null : new() { ["guide_tool_calls"] = property };

        var response = await chat.GetResponseAsync("Hi", options);

        Assert.NotNull(Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]).Exception);
    }

    [Fact]
    public async Task Guidance_TurnedOnByTheRequest_WinsOverTheClient()
    {
        using var folder = PackageWithTools();
        using var chat = new OnnxChatClient(
            new OnnxChatClientOptions { PackagePath = folder.Path, GuideToolCalls = false });
        var options = Required(1, 1.5f);
        options.RawRepresentationFactory = _ => new OnnxChatRequestOptions { GuideToolCalls = true };

        AssertValid(
            Assert.IsType<FunctionCallContent>((await chat.GetResponseAsync("Hi", options)).Messages[0].Contents[0]));
    }

    [Fact]
    public async Task Call_ThatTheLimitCutsOff_IsKeptWithItsException()
    {
        using var folder = PackageWithTools();
        using var client = new OnnxChatClient(folder.Path);
        var options = Required(1, 1.5f);
        options.MaxOutputTokens = 3;

        var response = await client.GetResponseAsync("Hi", options);

        Assert.NotNull(Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]).Exception);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
    }

    [Fact]
    public async Task FreeText_OfARandomModel_IsTheSameWithGuidanceAndWithout()
    {
        using var folder = PackageWithTools();
        using var client = new OnnxChatClient(folder.Path);
        var options = new ChatOptions { Tools = Tools, Temperature = 1, Seed = 4, MaxOutputTokens = 40 };
        var unguided = options.Clone();
        unguided.AdditionalProperties = new() { ["guide_tool_calls"] = false };

        var response = await client.GetResponseAsync("Hi", options);

        Assert.NotEmpty(response.Text);
        Assert.Equal((await client.GetResponseAsync("Hi", unguided)).Text, response.Text);
    }

    [Fact]
    public async Task Tools_OfARequest_AreWhatTheEngineIsGuidedBy()
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();

        await client.GetResponseAsync("Hi", new() { Tools = Tools });
        await client.GetResponseAsync("Hi", new() { Tools = Tools, ToolMode = ChatToolMode.RequireSpecific("light") });
        await client.GetResponseAsync("Hi", new() { Tools = Tools, ToolMode = ChatToolMode.None });
        await client.GetResponseAsync("Hi");
        await client.GetResponseAsync(
            "Hi", new() { Tools = Tools, AdditionalProperties = new() { ["guide_tool_calls"] = false } });

        Assert.Equal(["", "<tool_call>\n{\"name\": \"light\", \"arguments\": "],
            model.Guidance.Select(guidance => guidance.Prefix));
        Assert.Equal(model.Guidance[0].Key, model.Guidance[1].Key);
        Assert.Equal([1, 1, 0, 0, 0], model.Requests.Select(request => request.LogitsProcessors.Count));
    }

    [Fact]
    public async Task Format_BesideTools_HoldsTheCallToThem()
    {
        using var model = new ScriptedModel([["{}"]]);
        using var client = model.ToClient();

        await client.GetResponseAsync("Hi", new() { ResponseFormat = ChatResponseFormat.Json, Tools = Tools });

        var automaton = new GrammarAutomaton(Assert.Single(model.Guidance).Grammar());
        Assert.True(automaton.Accepts("{\"a\": 1}"));
        Assert.True(automaton.Accepts("<tool_call>{\"name\": \"light\", \"arguments\": {\"on\": true}}</tool_call>"));
        Assert.False(automaton.CanBegin("<tool_call>{\"name\": \"dark\""));
        Assert.False(automaton.CanBegin("Sure"));
    }

    private static ChatOptions Required(int seed, float temperature) => new()
    {
        Tools = Tools,
        ToolMode = ChatToolMode.RequireAny,
        AllowMultipleToolCalls = false,
        Temperature = temperature,
        Seed = seed,
    };

    private static TemporaryFolder PackageWithTools()
    {
        var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(Package))
        {
            File.WriteAllBytes(folder[Path.GetFileName(file)], File.ReadAllBytes(file));
        }

        File.WriteAllText(
            folder["chat_template.jinja"], "{# tools <tool_call> </tool_call> #}{{ messages[0].content }}");
        return folder;
    }

    private static void AssertValid(FunctionCallContent call)
    {
        Assert.Null(call.Exception);
        var arguments = call.Arguments!.ToDictionary(pair => pair.Key, pair => (JsonElement)pair.Value!);
        if (call.Name == "light")
        {
            Assert.True(arguments["on"].ValueKind is JsonValueKind.True or JsonValueKind.False);
            Assert.True(!arguments.TryGetValue("n", out var n) || n.GetInt32() is >= 0 and <= 9);
            Assert.Empty(arguments.Keys.Except(["on", "n"]));
        }
        else
        {
            Assert.Equal("lights", call.Name);
            Assert.Equal("room", Assert.Single(arguments.Keys));
            Assert.Contains(arguments["room"].GetString(), new[] { "a", "b" });
        }
    }
}
