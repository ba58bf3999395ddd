using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Loading;

namespace Slipway.Tests.Chat;

public sealed class OnnxChatClientTests
{
    private static readonly AIFunction SetLight =
        AIFunctionFactory.Create((string room, bool on) => $"{room} {on}", "set_light", "Switches a light.");

    private const string Call =
        "<tool_call>\n{\"name\": \"set_light\", \"arguments\": {\"room\": \"kitchen\", \"on\": true}}\n</tool_call>";

    [Fact]
    public async Task Response_AlwaysCarries_IdsModelTimeReasonAndUsage()
    {
        using var model = ScriptedModel.Answering("Good morning.");
        using var client = model.ToClient();

        var response = await client.GetResponseAsync("Hello");

        Assert.Equal("Good morning.", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal("scripted", response.ModelId);
        Assert.NotNull(response.ResponseId);
        Assert.NotNull(response.CreatedAt);
        var message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.NotNull(message.MessageId);
        Assert.IsType<TextContent>(Assert.Single(message.Contents));
        Assert.Equal(model.Requests[0].PromptIds.Count, response.Usage!.InputTokenCount);
        Assert.Equal(13, response.Usage.OutputTokenCount);
        Assert.Equal(response.Usage.InputTokenCount + 13, response.Usage.TotalTokenCount);
        Assert.Equal(2, response.Usage.CachedInputTokenCount);
        Assert.Equal(0, response.Usage.ReasoningTokenCount);
    }

    [Fact]
    public async Task Updates_OfOneAnswer_ShareTheirIdsAndEndWithReasonAndUsage()
    {
        using var client = ScriptedModel.Answering("One two\n" + Call).ToClient();

        var updates = await client
            .GetStreamingResponseAsync("Hi", new() { Tools = [SetLight] })
            .ToListAsync();

        Assert.All(updates, update =>
        {
            Assert.Equal(updates[0].ResponseId, update.ResponseId);
            Assert.Equal(updates[0].MessageId, update.MessageId);
            Assert.Equal("scripted", update.ModelId);
            Assert.Equal(ChatRole.Assistant, update.Role);
            Assert.NotEmpty(update.Contents);
        });
        Assert.All(updates[..^1], update => Assert.Null(update.FinishReason));
        Assert.Equal(ChatFinishReason.ToolCalls, updates[^1].FinishReason);
        Assert.Single(updates.SelectMany(update => update.Contents).OfType<UsageContent>());
        Assert.Equal("One two", string.Concat(updates.Select(update => update.Text)));
        var call = Assert.Single(updates.SelectMany(update => update.Contents).OfType<FunctionCallContent>());
        Assert.Equal("set_light", call.Name);
        Assert.Matches("^[A-Za-z0-9]{9}$", call.CallId);
        Assert.Equal("kitchen", call.Arguments!["room"]!.ToString());
    }

    [Fact]
    public async Task FoldedStream_OfAnAnswer_EqualsTheResponse()
    {
        const string Answer = "<think>Hm.</think>Text " + Call + " more";
        var options = new ChatOptions { Tools = [SetLight] };
        using var client = new ScriptedModel([[.. Answer.Chunk(3).Select(c => new string(c))]])
        {
            Template = ScriptedModel.ReasoningTemplate,
        }.ToClient();

        var response = await client.GetResponseAsync("Hi", options);
        var folded = await client.GetStreamingResponseAsync("Hi", options).ToChatResponseAsync();

        Assert.Equal(
            Answers.Describe(response.Messages.SelectMany(message => message.Contents)),
            Answers.Describe(folded.Messages.SelectMany(message => message.Contents)));
        Assert.Equal(response.FinishReason, folded.FinishReason);
        Assert.Equal(response.Usage!.TotalTokenCount, folded.Usage!.TotalTokenCount);
        Assert.Equal("Textmore", response.Text);
        Assert.True(response.Usage.ReasoningTokenCount > 0);
    }

    [Fact]
    public async Task ReasoningOutput_None_HidesReasoningButCountsIt()
    {
        using var model = new ScriptedModel([ScriptedModel.Characters("Hm.</think>Yes.")])
        {
            Template = ScriptedModel.ReasoningTemplate,
            PromptEnd = "<think>\n",
        };
        using var client = model.ToClient();

        var response = await client.GetResponseAsync(
            "Hi",
            new() { Reasoning = new() { Output = ReasoningOutput.None, Effort = ReasoningEffort.Low } });

        Assert.Equal("text(Yes.)", Answers.Describe(response.Messages[0].Contents));
        Assert.Equal(11, response.Usage!.ReasoningTokenCount);
        Assert.True((bool)model.Variables[0]["enable_thinking"]!);
        Assert.Equal("low", (string?)model.Variables[0]["reasoning_effort"]);
    }

    [Fact]
    public async Task LengthLimit_OfTheRequest_IsTheFinishReason()
    {
        using var client = new ScriptedModel([["cut"]]) { FinishReason = FinishReason.Length }.ToClient();

        var response = await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 1 });

        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
    }

    [Fact]
    public async Task OneCallOnly_WhereAskedFor_StopsAfterTheFirst()
    {
        using var client = ScriptedModel.Answering(Call + Call + "text").ToClient();

        var response = await client.GetResponseAsync(
            "Hi",
            new() { Tools = [SetLight], AllowMultipleToolCalls = false });

        Assert.Single(response.Messages[0].Contents);
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.Equal(Call.Length, response.Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task ToolModeNone_OffersNoToolsAndReadsNoCalls()
    {
        using var model = ScriptedModel.Answering(Call);
        using var client = model.ToClient();

        var response = await client.GetResponseAsync("Hi", new() { Tools = [SetLight], ToolMode = ChatToolMode.None });

        Assert.Equal(Call, response.Text);
        Assert.False(model.Variables[0].ContainsKey("tools"));
    }

    [Fact]
    public async Task RequiredFunction_BeginsTheAnswerForTheModel()
    {
        using var model = ScriptedModel.Answering("{\"room\": \"hall\", \"on\": false}}\n</tool_call>");
        using var client = model.ToClient();

        var response = await client.GetResponseAsync(
            "Hi",
            new() { Tools = [SetLight], ToolMode = ChatToolMode.RequireSpecific("set_light") });

        Assert.EndsWith("<tool_call>\n{\"name\": \"set_light\", \"arguments\": ", model.LastPrompt);
        Assert.Equal("hall",
            Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]).Arguments!["room"]!.ToString());
    }

    [Fact]
    public async Task SpecialTokens_ThatAreTags_AreReadAndOthersDropped()
    {
        using var model = new ScriptedModel([["Hi", "<tool_call>", "{\"name\":\"f\"}", "</tool_call>", "<|im_end|>"]])
        {
            SpecialTokens = ["<tool_call>", "</tool_call>", "<|im_end|>"],
        };
        using var client = model.ToClient();

        var response = await client.GetResponseAsync("Hi", new() { Tools = [SetLight] });

        Assert.True(model.Requests[0].IncludeSpecialTokens);
        Assert.Equal("text(Hi) call(f {})", Answers.Describe(response.Messages[0].Contents));
    }

    [Fact]
    public async Task MalformedCall_OfAFunctionWithoutRequiredArguments_IsOnlyShown()
    {
        var off = AIFunctionFactory.Create((string? room = null) => "off", "all_off");
        const string Broken = "<tool_call>{\"name\": \"all_off\", \"arguments\": {\"room\": </tool_call>";
        using var client = ScriptedModel.Answering(Broken).ToClient();

        var response = await client.GetResponseAsync("Hi", new() { Tools = [off] });

        var call = Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]);
        Assert.True(call.InformationalOnly);
        Assert.NotNull(call.Exception);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public void NullMessages_ThrowAtTheCall()
    {
        using var client = ScriptedModel.Answering("x").ToClient();

        Assert.Throws<ArgumentNullException>(
            "messages", () => { _ = client.GetResponseAsync((IEnumerable<ChatMessage>)null!); });
        Assert.Throws<ArgumentNullException>(
            "messages", () => { _ = client.GetStreamingResponseAsync((IEnumerable<ChatMessage>)null!); });
    }

    [Fact]
    public void GetService_ByType_AnswersMetadataAndItself()
    {
        using var client = ScriptedModel.Answering("x").ToClient();

        var metadata = client.GetService<ChatClientMetadata>()!;
        Assert.Equal("onnx", metadata.ProviderName);
        Assert.Null(metadata.ProviderUri);
        Assert.Equal("scripted", metadata.DefaultModelId);
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Same(client, client.GetService<OnnxChatClient>());
        Assert.Null(client.GetService<string>());
        Assert.Null(client.GetService(typeof(OnnxChatClient), "key"));
        Assert.Throws<ArgumentNullException>("serviceType", () => client.GetService(null!));
    }

    [Fact]
    public async Task Cancellation_BetweenTokens_EndsTheStream()
    {
        using var cancellation = new CancellationTokenSource();
        using var client = ScriptedModel.Answering("abc").ToClient();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("Hi", cancellationToken: cancellation.Token))
            {
                await cancellation.CancelAsync();
            }
        });
    }

    [Fact]
    public async Task Cancellation_BeforeTheFirstToken_EndsTheRequest()
    {
        using var cancellation = new CancellationTokenSource();
        using var model = new ScriptedModel([["x"]])
        {
            BeforeToken = async token =>
            {
                await cancellation.CancelAsync();
                await Task.Delay(Timeout.Infinite, token);
            },
        };
        using var client = model.ToClient();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => client.GetResponseAsync("Hi", cancellationToken: cancellation.Token));
    }

    [Fact]
    public async Task Client_AfterDispose_RefusesRequests()
    {
        using var model = ScriptedModel.Answering("x");
        var client = model.ToClient();
        client.Dispose();
        client.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hi"));
        Assert.False(model.IsDisposed);
    }

    [Fact]
    public async Task ManyRequests_AtOnce_GetTheirOwnAnswers()
    {
        using var client = ScriptedModel.Answering("Hello " + Call).ToClient();

        var responses = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(
            () => client.GetResponseAsync($"Hi {i}", new() { Tools = [SetLight] }))));

        Assert.All(responses, response => Assert.Equal("Hello", response.Text));
        Assert.Equal(32, responses.Select(response => response.ResponseId).Distinct().Count());
    }

    [Fact]
    public async Task Package_WithoutTemplate_CannotChat()
    {
        using var client = new ScriptedModel([["x"]]) { Template = null }.ToClient();

        var e = await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync("Hi"));
        Assert.Equal(
            "The package of 'scripted' has no chat template, so it cannot chat. Put the model's 'chat_template.jinja' "
            + "into the package folder, or use LanguageModel.GenerateAsync for plain completion.",
            e.Message);
    }

    [Theory]
    [InlineData(
        "{{ messages[0].content }}",
        "ChatOptions.Tools offers functions, but the chat template of 'scripted' has no place for them. Use a model "
        + "that was trained to call tools, set DescribeTools of the client's options, or leave Tools empty.")]
    [InlineData(
        "{{ tools }}",
        "ChatOptions.Tools offers functions, but the format in which 'scripted' writes tool calls is unknown. Known "
        + "are: 'function-tag', ")]
    public async Task Tools_OfAModelWithoutThem_AreRefusedWhereTheyAreNotDescribed(string template, string message)
    {
        using var client = new ScriptedModel([["x"]]) { Template = template }.ToClient();

        var e = await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync(
            "Hi", new() { Tools = [SetLight], AdditionalProperties = new() { ["describe_tools"] = false } }));
        Assert.StartsWith(message, e.Message);
    }

    [Theory]
    [InlineData("{{ messages[0].content }}")]
    [InlineData("{{ tools }}")]
    public async Task Tools_OfAModelWithoutThem_AreDescribed(string template)
    {
        using var model = new ScriptedModel(
            [ScriptedModel.Characters(
                "<tool_call>{\"name\": \"set_light\", \"arguments\": {\"on\": true}}</tool_call>")])
        {
            Template = template,
        };
        using var client = model.ToClient();

        var response = await client.GetResponseAsync("Hi", new() { Instructions = "Be brief.", Tools = [SetLight] });

        Assert.Equal("set_light", Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]).Name);
        var variables = Assert.Single(model.Variables);
        Assert.False(variables.ContainsKey("tools"));
        var system = (string)variables["messages"]![0]!["content"]!;
        Assert.StartsWith("Be brief.\n\nYou can call these functions", system);
        Assert.Contains("\"name\":\"set_light\"", system);
        Assert.EndsWith(
            "<tool_call>\n{\"name\": \"name\", \"arguments\": {\"parameter\": \"value\"}}\n</tool_call>", system);
    }

    [Fact]
    public async Task RequiredToolMode_ThatCannotBe_IsRefused()
    {
        using var client = ScriptedModel.Answering("x").ToClient();

        var none = await Assert.ThrowsAsync<ArgumentException>(
            () => client.GetResponseAsync("Hi", new() { ToolMode = ChatToolMode.RequireAny }));
        Assert.StartsWith(
            "ChatOptions.ToolMode requires a tool call, but ChatOptions.Tools is empty. Offer at least one function.",
            none.Message);
        var other = await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync(
            "Hi",
            new() { Tools = [SetLight], ToolMode = ChatToolMode.RequireSpecific("open_door") }));
        Assert.StartsWith(
            "ChatOptions.ToolMode requires the function 'open_door', which is not among the tools: 'set_light'. Offer "
            + "it, or require another.",
            other.Message);
    }

    [Fact]
    public async Task Source_ThatFailsOnce_LoadsAgainAndDisposesWhatItLoaded()
    {
        var model = ScriptedModel.Answering("x");
        var loads = 0;
        var client = new OnnxChatClient(
            new LazyModel<IChatModel>(
                typeof(OnnxChatClient),
                () => ++loads == 1 ? throw new IOException("The disk is busy.") : model),
            "scripted",
            timeProvider: null);

        await Assert.ThrowsAsync<IOException>(() => client.GetResponseAsync("Hi"));
        await Task.WhenAll(client.GetResponseAsync("Hi"), client.GetResponseAsync("Hi"));
        Assert.Equal(2, loads);
        client.Dispose();

        Assert.True(model.IsDisposed);
    }
}
