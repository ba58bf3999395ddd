using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Loading;

namespace Slipway.Tests.Chat;

/// <summary>Holds the client to what callers of any chat client rely on, where no other class does.</summary>
public sealed class ChatContractTests
{
    private static readonly AIFunction SetLight = AIFunctionFactory.Create((string room) => $"lit {room}", "set_light");

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Rounds_OfParallelCalls_EndInOneAnswerWithTheUsageOfAll(bool streaming, bool concurrent)
    {
        using var model = new ScriptedModel(
            ScriptedModel.Characters(Call("a") + "\n" + Call("b")),
            ScriptedModel.Characters("Two more. " + Call("c") + Call("d")),
            ScriptedModel.Characters(Call("e")),
            ScriptedModel.Characters("All five are lit."));
        using var client = model.ToClient().AsBuilder()
            .UseFunctionInvocation(configure: functions => functions.AllowConcurrentInvocation = concurrent)
            .Build();

        var response = await AskAsync(client, streaming, new() { Tools = [SetLight] });

        var contents = response.Messages.SelectMany(message => message.Contents).ToList();
        var calls = contents.OfType<FunctionCallContent>().ToList();
        var results = contents.OfType<FunctionResultContent>().ToList();
        Assert.Equal(["a", "b", "c", "d", "e"], calls.Select(call => call.Arguments!["room"]!.ToString()));
        Assert.Equal(5, calls.Select(call => call.CallId).Distinct().Count());
        Assert.Equal(calls.Select(call => call.CallId), results.Select(result => result.CallId));
        Assert.Equal(
            ["lit a", "lit b", "lit c", "lit d", "lit e"],
            results.Select(result => result.Result!.ToString()));
        Assert.Equal("All five are lit.", response.Messages[^1].Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal(
            ["user", "assistant", "tool", "tool", "assistant", "tool", "tool", "assistant", "tool"],
            model.Variables[3]["messages"]!.AsArray().Select(message => (string)message!["role"]!));
        Assert.Equal(model.Requests.Sum(request => request.PromptIds.Count), response.Usage!.InputTokenCount);
        Assert.Equal(
            response.Usage.InputTokenCount + response.Usage.OutputTokenCount,
            response.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task RequiredCall_UnderFunctionInvokingChatClient_IsRequiredOnce()
    {
        using var model = new ScriptedModel(
            ScriptedModel.Characters("{\"room\": \"hall\"}}\n</tool_call>"),
            ScriptedModel.Characters("Done."));
        using var client = model.ToClient().AsBuilder().UseFunctionInvocation().Build();

        var response = await AskAsync(client, false, new() { Tools = [SetLight], ToolMode = ChatToolMode.RequireAny });

        Assert.Equal("Done.", response.Messages[^1].Text);
        Assert.Equal(2, model.Requests.Count);
    }

    [Fact]
    public async Task DeclaredFunction_WithoutABody_IsHandedToTheCaller()
    {
        using var model = ScriptedModel.Answering(Call("hall"));
        using var client = model.ToClient().AsBuilder().UseFunctionInvocation().Build();

        var response = await AskAsync(client, false, new() { Tools = [SetLight.AsDeclarationOnly()] });

        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.Equal("set_light", Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]).Name);
        Assert.Single(model.Requests);
    }

    [Fact]
    public async Task Request_WhosePromptTakesLong_LeavesTheCallersThread()
    {
        using var rendering = new ManualResetEventSlim();
        using var client = new OnnxChatClient(
            new LazyModel<IChatModel>(typeof(OnnxChatClient), () => LoadedAfter(rendering)), "slow",
            timeProvider: null);

        // Both calls return although the model is not there yet; were it loaded on this thread, they would not.
        var response = client.GetResponseAsync("Hi");
        await using var updates = client.GetStreamingResponseAsync("Hi").GetAsyncEnumerator();
        var first = updates.MoveNextAsync();

        Assert.False(response.IsCompleted);
        Assert.False(first.IsCompleted);
        rendering.Set();
        Assert.Equal("x", (await response).Text);
        Assert.True(await first);
    }

    [Theory]
    [InlineData(ReasoningEffort.None, false, "none")]
    [InlineData(ReasoningEffort.Low, true, "low")]
    [InlineData(ReasoningEffort.Medium, true, "medium")]
    [InlineData(ReasoningEffort.High, true, "high")]
    [InlineData(ReasoningEffort.ExtraHigh, true, "high")]
    public async Task ReasoningEffort_OfTheRequest_ReachesTheTemplate(ReasoningEffort effort, bool thinks, string name)
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();

        await AskAsync(client, false, new() { Reasoning = new() { Effort = effort } });

        Assert.Equal(thinks, (bool)model.Variables[0]["enable_thinking"]!);
        Assert.Equal(name, (string?)model.Variables[0]["reasoning_effort"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reasoning_OfTheAnswer_NeverAppearsInItsText(bool streaming)
    {
        using var model = new ScriptedModel(
            [ScriptedModel.Characters("<think>Secret.</think>\n\nOpen " + Call("hall"))])
        {
            Template = ScriptedModel.ReasoningTemplate,
        };
        using var client = model.ToClient();

        var response = await AskAsync(client, streaming, new() { Tools = [SetLight] });

        Assert.Equal("Open", response.Text);
        Assert.Equal(
            "Secret.",
            string.Concat(
                response.Messages[0].Contents.OfType<TextReasoningContent>().Select(content => content.Text)));
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task StopSequence_EndsTheTextButNoThoughtsAndNoCall(bool streaming)
    {
        using var model = new ScriptedModel(
            [ScriptedModel.Characters("<think>Is it } or room?</think>A hall" + Call("hall") + "no room } more")])
        {
            Template = ScriptedModel.ReasoningTemplate,
        };
        using var client = model.ToClient();

        var response = await AskAsync(client, streaming, new() { Tools = [SetLight], StopSequences = ["room }", "}"] });

        Assert.Equal(
            "reasoning(Is it } or room?) text(A hall) call(set_light {\"room\": \"hall\"}) text(no )",
            Answers.Describe(response.Messages[0].Contents));
        Assert.Empty(model.Requests[0].StopSequences);
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Fact]
    public async Task Options_OfTheCaller_AreNeverChanged()
    {
        using var client = ScriptedModel.Answering(Call("hall")).ToClient();
        var options = new ChatOptions
        {
            Instructions = "Be brief.",
            Tools = [SetLight],
            ToolMode = ChatToolMode.Auto,
            AllowMultipleToolCalls = false,
            Reasoning = new() { Effort = ReasoningEffort.Low },
            AdditionalProperties = new() { ["theirs"] = "kept" },
            RawRepresentationFactory = _ => new OnnxChatRequestOptions { Timeout = TimeSpan.FromMinutes(1) },
        };
        var before = Describe(options);
        List<ChatMessage> messages = [new(ChatRole.User, "Hi")];

        await client.GetResponseAsync(messages, options);

        Assert.Equal(before, Describe(options));
        Assert.Equal("Hi", Assert.Single(messages).Text);
    }

    [Fact]
    public async Task Options_ChangedAfterTheCall_AreThoseOfTheCall()
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();
        var options = new ChatOptions { MaxOutputTokens = 5, StopSequences = ["END"], Tools = [SetLight] };

        var updates = client.GetStreamingResponseAsync("Hi", options);
        (options.MaxOutputTokens, options.ConversationId) = (9, "gone");
        options.StopSequences.Add("");
        options.Tools.Clear();
        await updates.ToChatResponseAsync();

        Assert.Equal(5, model.Requests[0].MaxOutputTokens);
        Assert.NotNull(model.Variables[0]["tools"]);
    }

    [Fact]
    public async Task Timeout_OfTheRequest_ReachesTheEngine()
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();

        await AskAsync(
            client,
            false,
            new() { RawRepresentationFactory = _ => new OnnxChatRequestOptions { Timeout = TimeSpan.FromSeconds(3) } });

        Assert.Equal(TimeSpan.FromSeconds(3), model.Requests[0].Timeout);
    }

    [Fact]
    public async Task RawRepresentation_OfAnotherClient_IsLeftAlone()
    {
        using var model = ScriptedModel.Answering("x");
        using var client = model.ToClient();

        await AskAsync(
            client, false, new() { Temperature = 0.25f, RawRepresentationFactory = _ => "another client's" });

        Assert.Equal(0.25, model.Requests[0].Sampling.Temperature);
    }

    private static ScriptedModel LoadedAfter(ManualResetEventSlim signal)
    {
        signal.Wait();
        return ScriptedModel.Answering("x");
    }

    private static string Call(string room)
        => $"<tool_call>{{\"name\": \"set_light\", \"arguments\": {{\"room\": \"{room}\"}}}}</tool_call>";

    private static Task<ChatResponse> AskAsync(IChatClient client, bool streaming, ChatOptions options)
        => streaming
            ? client.GetStreamingResponseAsync("Light them.", options).ToChatResponseAsync()
            : client.GetResponseAsync("Light them.", options);

    private static string Describe(ChatOptions options)
        => string.Join('|', typeof(ChatOptions).GetProperties().Select(property => property.GetValue(options) switch
        {
            IEnumerable<AITool> tools => string.Join(',', tools.Select(tool => tool.Name)),
            AdditionalPropertiesDictionary extra => string.Join(',', extra.Select(pair => $"{pair.Key}={pair.Value}")),
            ReasoningOptions reasoning => $"{reasoning.Effort} {reasoning.Output}",
            var value => value?.ToString(),
        }));
}
