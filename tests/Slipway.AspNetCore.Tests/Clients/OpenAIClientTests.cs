using System.ClientModel;
using System.ClientModel.Primitives;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using ChatMessage = OpenAI.Chat.ChatMessage;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>OpenAI's own client for .NET against the server, and Microsoft.Extensions.AI over it.</summary>
public sealed class OpenAIClientTests : IAsyncLifetime
{
    private static readonly ChatTool Light = ChatTool.CreateFunctionTool(
        "set_light", "Switches a light.", BinaryData.FromString("""
            {"type": "object", "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}},
             "required": ["room", "on"], "additionalProperties": false}
            """));

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync(
        models => models.AddModel(TestServer.Assistant, "assistant")
            .AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings()),
        options => options.ApiKeys = ["secret"]);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Complete_Text_HasUsageAndReason()
    {
        ChatCompletion answer = await Client().GetChatClient("assistant").CompleteChatAsync(
            [ChatMessage.CreateUserMessage("Hello!")], null, TestContext.Current.CancellationToken);
        Assert.Equal("Hello! What can I do for you?", answer.Content[0].Text);
        Assert.Equal(OpenAI.Chat.ChatFinishReason.Stop, answer.FinishReason);
        Assert.Equal("assistant", answer.Model);
        Assert.True(answer.Usage.InputTokenCount > 0 && answer.Usage.OutputTokenCount > 0);
        Assert.InRange(answer.CreatedAt, DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));
    }

    [Fact]
    public async Task Stream_ToolsLoop_CallsAndTellsTheResult()
    {
        var chat = Client().GetChatClient("assistant");
        List<ChatMessage> messages = [ChatMessage.CreateUserMessage("turn on the kitchen light")];
        var options = new ChatCompletionOptions { Tools = { Light } };
        var (id, name, arguments, reason) = ("", "", "", default(OpenAI.Chat.ChatFinishReason?));
        await foreach (var update in chat.CompleteChatStreamingAsync(
            messages, options, TestContext.Current.CancellationToken))
        {
            foreach (var part in update.ToolCallUpdates)
            {
                (id, name) = (part.ToolCallId ?? id, part.FunctionName ?? name);
                arguments += part.FunctionArgumentsUpdate.ToString();
            }

            reason = update.FinishReason ?? reason;
        }

        Assert.Equal(("set_light", """{"room":"kitchen","on":true}"""), (name, arguments));
        Assert.Equal(OpenAI.Chat.ChatFinishReason.ToolCalls, reason);
        messages.Add(ChatMessage.CreateAssistantMessage(
            [ChatToolCall.CreateFunctionToolCall(id, name, BinaryData.FromString(arguments))]));
        messages.Add(ChatMessage.CreateToolMessage(id, "ok"));
        ChatCompletion told = await chat.CompleteChatAsync(messages, options, TestContext.Current.CancellationToken);
        Assert.Equal("The light in the kitchen is on.", told.Content[0].Text);
    }

    [Fact]
    public async Task Complete_SchemaAndLogprobs_AreRead()
    {
        var options = new ChatCompletionOptions
        {
            IncludeLogProbabilities = true,
            TopLogProbabilityCount = 1,
            ResponseFormat = OpenAI.Chat.ChatResponseFormat.CreateJsonSchemaFormat("light", BinaryData.FromString("""
                {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"],
                 "additionalProperties": false}
                """)),
        };
        ChatCompletion answer = await Client().GetChatClient("assistant").CompleteChatAsync(
            [ChatMessage.CreateUserMessage("is it on?")], options, TestContext.Current.CancellationToken);
        using var document = System.Text.Json.JsonDocument.Parse(answer.Content[0].Text);
        Assert.Contains(
            document.RootElement.GetProperty("on").ValueKind,
            new[] { System.Text.Json.JsonValueKind.True, System.Text.Json.JsonValueKind.False });
        Assert.NotEmpty(answer.ContentTokenLogProbabilities);
    }

    [Fact]
    public async Task Embed_Texts_AreReadFromBase64()
    {
        var embeddings = (await Client().GetEmbeddingClient("numbers").GenerateEmbeddingsAsync(
            ["abc", "z"], null, TestContext.Current.CancellationToken)).Value;
        Assert.Equal([3f, 'a'], embeddings[0].ToFloats().ToArray());
        Assert.Equal([1f, 'z'], embeddings[1].ToFloats().ToArray());
        Assert.Equal(7, embeddings.Usage.InputTokenCount);
    }

    [Fact]
    public async Task Models_AreListed()
    {
        var models = (await Client().GetOpenAIModelClient().GetModelsAsync(
            TestContext.Current.CancellationToken)).Value;
        Assert.Equal(["assistant", "numbers"], models.Select(model => model.Id));
    }

#pragma warning disable OPENAI001 // The client's types of responses may still change.
    [Fact]
    public async Task Responses_StreamAndPrevious_AreRead()
    {
        using var client = Client().GetResponsesClient().AsIChatClient("assistant");
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in client.GetStreamingResponseAsync(
            "Hello!", null, TestContext.Current.CancellationToken))
        {
            updates.Add(update);
        }

        var first = updates.ToChatResponse();
        Assert.Equal("Hello! What can I do for you?", first.Text);
        Assert.NotNull(first.ConversationId);
        Assert.True(first.Usage!.OutputTokenCount > 0);
        var second = await client.GetResponseAsync(
            "Hello!", new ChatOptions { ConversationId = first.ConversationId }, TestContext.Current.CancellationToken);
        Assert.True(second.Usage!.InputTokenCount > first.Usage.InputTokenCount);
    }
#pragma warning restore OPENAI001

    [Fact]
    public async Task Errors_AreTheClientsOwn()
    {
        var unknown = await Assert.ThrowsAsync<ClientResultException>(() => Client().GetChatClient("none")
            .CompleteChatAsync([ChatMessage.CreateUserMessage("x")], null, TestContext.Current.CancellationToken));
        Assert.Equal(404, unknown.Status);
        Assert.Contains("model_not_found", unknown.Message, StringComparison.Ordinal);
        var wrongKey = await Assert.ThrowsAsync<ClientResultException>(() => Client("other").GetChatClient("assistant")
            .CompleteChatAsync([ChatMessage.CreateUserMessage("x")], null, TestContext.Current.CancellationToken));
        Assert.Equal(401, wrongKey.Status);
    }

    [Fact]
    public async Task MicrosoftExtensionsAI_FunctionInvocation_RunsTheTool()
    {
        var rooms = new List<string>();
        using var client = Client().GetChatClient("assistant").AsIChatClient().AsBuilder().UseFunctionInvocation()
            .Build();
        var answer = await client.GetResponseAsync(
            "turn on the kitchen light",
            new ChatOptions
            {
                Tools =
                [
                    AIFunctionFactory.Create(
                        (string room, bool on) =>
                        {
                            rooms.Add($"{room} {on}");
                            return "ok";
                        },
                        "set_light", "Switches a light."),
                ],
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(["kitchen True"], rooms);
        Assert.Equal("The light in the kitchen is on.", answer.Text);
    }

    private OpenAIClient Client(string key = "secret") => new(
        new ApiKeyCredential(key),
        new OpenAIClientOptions
        {
            Endpoint = new Uri(_server.Address, "/v1"), RetryPolicy = new ClientRetryPolicy(0),
        });
}
