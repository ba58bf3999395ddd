using Microsoft.Extensions.AI;
using OllamaSharp;
using OllamaSharp.Models;
using OllamaSharp.Models.Chat;
using OllamaSharp.Models.Exceptions;
using ChatRole = OllamaSharp.Models.Chat.ChatRole;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>OllamaSharp against the server, by Ollama's own API and as an <see cref="IChatClient"/>.</summary>
public sealed class OllamaSharpTests : IAsyncLifetime
{
    private const string Pixel =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

    private TestServer _server = null!;
    private OllamaApiClient _client = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync(models => models.AddModel(TestServer.Assistant, "assistant")
            .AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings()));
        _client = new OllamaApiClient(_server.Address, "assistant:latest");
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return _server.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Chat_Hello_EndsWithCountsAndDurations(bool stream)
    {
        var lines = await AllAsync(_client.ChatAsync(
            new ChatRequest { Stream = stream, Messages = [new Message(ChatRole.User, "Hello!")] }, Token));
        Assert.Equal(
            "Hello! What can I do for you?", string.Concat(lines.Select(line => line.Message.Content)));
        Assert.Equal(stream, lines.Count > 2);
        Assert.All(lines.SkipLast(1), line => Assert.False(line.Done));
        Assert.All(
            lines, line => Assert.Equal(("assistant:latest", ChatRole.Assistant), (line.Model, line.Message.Role)));
        var end = Assert.IsType<ChatDoneResponseStream>(lines[^1]);
        Assert.Equal("stop", end.DoneReason);
        Assert.True(end.PromptEvalCount > 0 && end.EvalCount > 0, "Nothing was counted.");
        Assert.True(end.PromptEvalDuration > 0 && end.EvalDuration >= 0 && end.LoadDuration >= 0, "Nothing was timed.");
        Assert.InRange(
            end.LoadDuration + end.PromptEvalDuration + end.EvalDuration, end.TotalDuration / 2, end.TotalDuration);
        Assert.InRange(
            DateTimeOffset.Parse(end.CreatedAtString!, System.Globalization.CultureInfo.InvariantCulture),
            DateTimeOffset.UtcNow.AddMinutes(-5), DateTimeOffset.UtcNow.AddMinutes(5));
    }

    [Fact]
    public async Task Chat_ToolsLoop_CallsAndTellsTheResult()
    {
        var tool = new Tool
        {
            Function = new()
            {
                Name = "set_light", Description = "Switches a light.",
                Parameters = new()
                {
                    Properties = new()
                    {
                        ["room"] = new() { Type = "string" }, ["on"] = new() { Type = "boolean" },
                    },
                    Required = ["room", "on"],
                },
            },
        };
        List<Message> messages = [new(ChatRole.User, "turn on the kitchen light")];
        var lines = await AllAsync(_client.ChatAsync(new ChatRequest { Messages = messages, Tools = [tool] }, Token));
        var call = Assert.Single(lines.SelectMany(line => line.Message.ToolCalls ?? []));
        Assert.Equal("set_light", call.Function!.Name);
        Assert.Equal("kitchen", call.Function.Arguments!["room"]!.ToString());
        Assert.Equal(bool.TrueString, call.Function.Arguments["on"]!.ToString());
        Assert.Equal("stop", Assert.IsType<ChatDoneResponseStream>(lines[^1]).DoneReason);

        messages.Add(new() { Role = ChatRole.Assistant, ToolCalls = [call] });
        messages.Add(new() { Role = ChatRole.Tool, ToolName = "set_light", Content = "ok" });
        var told = await AllAsync(_client.ChatAsync(new ChatRequest { Messages = messages, Tools = [tool] }, Token));
        Assert.Equal(
            "The light in the kitchen is on.", string.Concat(told.Select(line => line.Message.Content)));
    }

    [Fact]
    public async Task Chat_OfTheClientsOwnClass_KeepsTheConversation()
    {
        var chat = new OllamaSharp.Chat(_client);
        var first = await TextAsync(chat.SendAsync("Hello!", Token));
        var second = await TextAsync(chat.SendAsync("Thank you!", Token));
        Assert.Equal("Hello! What can I do for you?", first);
        Assert.NotEmpty(second);
        Assert.Equal(4, chat.Messages.Count);
    }

    [Fact]
    public async Task Chat_Schema_IsHeldTo()
    {
        var request = new ChatRequest
        {
            Stream = false, Messages = [new Message(ChatRole.User, "is it on?")],
            Format = new
            {
                type = "object", properties = new { on = new { type = "boolean" } }, required = (string[])["on"],
                additionalProperties = false,
            },
        };
        var answer = Assert.Single(await AllAsync(_client.ChatAsync(request, Token)));
        using var document = System.Text.Json.JsonDocument.Parse(answer.Message.Content!);
        Assert.Equal("on", Assert.Single(document.RootElement.EnumerateObject()).Name);
    }

    [Fact]
    public async Task Generate_PromptAndLimit_EndInLength()
    {
        var request = new GenerateRequest
        {
            Prompt = "Hello!", KeepAlive = "5m",
            Options = new() { NumPredict = 2, Temperature = 0, Seed = 1, TopK = 40, NumCtx = 4096, NumThread = 2 },
        };
        var lines = await AllAsync(_client.GenerateAsync(request, Token));
        var end = Assert.IsType<GenerateDoneResponseStream>(lines[^1]);
        Assert.Equal(("length", 2), (end.DoneReason, end.EvalCount));
        Assert.StartsWith(
            string.Concat(lines.Select(line => line.Response)), "Hello! What can I do for you?",
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Embed_Texts_AreInTheirOrder()
    {
        var answer = await _client.EmbedAsync(new EmbedRequest { Model = "numbers", Input = ["abc", "z"] }, Token);
        Assert.Equal([[3f, 'a'], [1f, 'z']], answer.Embeddings);
        Assert.Equal(7, answer.PromptEvalCount);

        IEmbeddingGenerator<string, Embedding<float>> generator = new OllamaApiClient(_server.Address, "numbers");
        var embeddings = await generator.GenerateAsync(["abc"], null, Token);
        Assert.Equal([3f, 'a'], embeddings[0].Vector.ToArray());
    }

    [Fact]
    public async Task Models_AreListedShownAndSeenRunning()
    {
        var models = (await _client.ListLocalModelsAsync(Token)).ToList();
        Assert.Equal(["assistant:latest", "numbers:latest"], models.Select(model => model.Name));
        Assert.Equal(("int4", "LlamaForCausalLM", "onnx"), (
            models[0].Details.QuantizationLevel, models[0].Details.Family, models[0].Details.Format));
        Assert.True(models[0].Size > 1_000_000 && models[0].Digest.Length == 64, "The package is not described.");
        Assert.DoesNotContain(
            await _client.ListRunningModelsAsync(Token), running => running.Name == "assistant:latest");

        await AllAsync(_client.GenerateAsync(new GenerateRequest { Prompt = "" }, Token));
        Assert.Equal(
            ["assistant:latest"], (await _client.ListRunningModelsAsync(Token)).Select(running => running.Name));

        var shown = await _client.ShowModelAsync(new ShowModelRequest { Model = "assistant" }, Token);
        Assert.Equal("LlamaForCausalLM", shown.Info.Architecture);
        Assert.Contains("<|assistant|>", shown.Template, StringComparison.Ordinal);
        Assert.Equal(["completion", "tools"], shown.Capabilities!);
        Assert.Equal(
            ["embedding"],
            (await _client.ShowModelAsync(new ShowModelRequest { Model = "numbers" }, Token)).Capabilities!);
        Assert.True(Version.TryParse(await _client.GetVersionAsync(Token), out _), "The version is none.");
    }

    [Fact]
    public async Task Client_OfMicrosoftExtensions_RunsTools()
    {
        List<string> rooms = [];
        using var client = ((IChatClient)new OllamaApiClient(_server.Address, "assistant"))
            .AsBuilder().UseFunctionInvocation().Build();
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
            Token);
        Assert.Equal(["kitchen True"], rooms);
        Assert.NotEmpty(answer.Text);
    }

    [Fact]
    public async Task Errors_AreTheClientsOwn()
    {
        var missing = await Assert.ThrowsAsync<HttpRequestException>(() => AllAsync(
            _client.ChatAsync(new ChatRequest { Model = "none", Messages = [new(ChatRole.User, "x")] }, Token)));
        Assert.Equal(System.Net.HttpStatusCode.NotFound, missing.StatusCode);

        var image = await Assert.ThrowsAsync<OllamaException>(() => AllAsync(_client.ChatAsync(
            new ChatRequest { Messages = [new Message(ChatRole.User, "What is it?", [Pixel])] }, Token)));
        Assert.Equal(
            "Message 0 (role 'user') holds content of type 'image/png'; this model takes text only. Remove the "
            + "content, or use a model that takes it.",
            image.Message);

        var chats = await Assert.ThrowsAsync<OllamaException>(
            () => _client.EmbedAsync(new EmbedRequest { Model = "assistant", Input = ["x"] }, Token));
        Assert.Contains("makes no embeddings", chats.Message, StringComparison.Ordinal);

        // A model that is not there is neither pulled nor made.
        await Assert.ThrowsAsync<HttpRequestException>(() => AllAsync(_client.PullModelAsync("llama3", Token)));
    }

    private static async Task<List<T>> AllAsync<T>(IAsyncEnumerable<T?> items)
        where T : class
    {
        List<T> all = [];
        await foreach (var item in items)
        {
            all.Add(item!);
        }

        return all;
    }

    private static async Task<string> TextAsync(IAsyncEnumerable<string> parts)
    {
        var text = "";
        await foreach (var part in parts)
        {
            text += part;
        }

        return text;
    }
}
