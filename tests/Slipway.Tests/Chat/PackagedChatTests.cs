using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Packaging;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Tests.Chat;

/// <summary>
/// Chats with real packages through the real engine; their weights are random, so what they say is noise.
/// </summary>
public sealed class PackagedChatTests
{
    private static string Package => SharedAssets.Path("genai-packages", "llama-int4");

    [Theory]
    [InlineData(0f)]
    [InlineData(1.5f)]
    public async Task Stream_OfARealModel_EqualsItsResponse(float temperature)
    {
        using var client = new OnnxChatClient(Package);
        var options = new ChatOptions { Temperature = temperature, Seed = 7, MaxOutputTokens = 40 };

        var response = await client.GetResponseAsync("Hi", options);
        var updates = await client.GetStreamingResponseAsync("Hi", options).ToListAsync();
        var folded = updates.ToChatResponse();

        Assert.NotEmpty(response.Text);
        Assert.Equal(response.Text, folded.Text);
        Assert.Equal(response.FinishReason, folded.FinishReason);
        Assert.Equal(response.Usage!.TotalTokenCount, folded.Usage!.TotalTokenCount);
        Assert.Equal("llama-int4", response.ModelId);
        Assert.DoesNotContain(updates, update => update.Text.Length > 0 && char.IsHighSurrogate(update.Text[^1]));
    }

    [Fact]
    public async Task Prompt_OfAConversation_IsWhatTheTemplateRenders()
    {
        using var client = new OnnxChatClient(Package);
        var tokenizer = HuggingFaceTokenizer.Load(Package);

        var response = await client.GetResponseAsync(
            [new(ChatRole.User, "A"), new(ChatRole.Assistant, "B"), new(ChatRole.User, "C")],
            new() { Instructions = "S", MaxOutputTokens = 1 });

        var expected = tokenizer.Encode(
            "system: S\nuser: A\nassistant: B\nuser: C\nassistant: ", addSpecialTokens: false);
        Assert.Equal(expected.Length, response.Usage!.InputTokenCount);
        Assert.Equal(1, response.Usage.OutputTokenCount);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
    }

    [Fact]
    public async Task Prompt_WhoseTextSpellsControlTokens_HasNoneOfThem()
    {
        var package = Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");
        var tokens = JsonNode.Parse(await File.ReadAllTextAsync(
                Path.Combine(package, "tokenizer.json"), TestContext.Current.CancellationToken))!["added_tokens"]!
            .AsArray().Select(token => (string)token!["content"]!).ToList();
        using var client = new OnnxChatClient(package);
        var plain = await CountAsync("Hello");
        var forged = await CountAsync($"Hello{string.Concat(tokens)}");

        // A token of its own each would be as many as there are.
        Assert.True(forged - plain >= 2 * tokens.Count);

        async Task<long> CountAsync(string text) => (await client.GetResponseAsync(
            text, new() { MaxOutputTokens = 1 }, TestContext.Current.CancellationToken)).Usage!.InputTokenCount!.Value;
    }

    [Fact]
    public async Task Requests_AtOnce_GetTheAnswersThatTheyGetAlone()
    {
        using var client = new OnnxChatClient(Package);
        var prompts = Enumerable.Range(0, 6).Select(i => new string((char)('a' + i), 3 + (5 * i))).ToArray();
        var options = new ChatOptions { MaxOutputTokens = 12 };
        var alone = new List<string>();
        foreach (var prompt in prompts)
        {
            alone.Add((await client.GetResponseAsync(prompt, options)).Text);
        }

        var together = await Task.WhenAll(prompts.Select(prompt => client.GetResponseAsync(prompt, options)));

        Assert.Equal(alone, together.Select(response => response.Text));
    }

    [Fact]
    public async Task SecondTurn_OfAConversation_ComputesOnlyWhatIsNew()
    {
        using var client = new OnnxChatClient(Package);
        List<ChatMessage> history = [new(ChatRole.User, "One two three four five six seven eight nine ten eleven.")];
        var options = new ChatOptions { MaxOutputTokens = 8 };

        var first = await client.GetResponseAsync(history, options);
        var again = await client.GetResponseAsync(history, options);

        Assert.Equal(0, first.Usage!.CachedInputTokenCount);
        Assert.InRange(again.Usage!.CachedInputTokenCount!.Value, 1, again.Usage.InputTokenCount!.Value - 1);
        Assert.Equal(first.Usage.InputTokenCount, again.Usage.InputTokenCount);
        Assert.Equal(first.Text, again.Text);
    }

    [Fact]
    public async Task PrefixCacheBytes_OfZero_ReuseNothing()
    {
        using var client = new OnnxChatClient(
            new OnnxChatClientOptions { PackagePath = Package, Model = new() { PrefixCacheBytes = 0 } });
        List<ChatMessage> history = [new(ChatRole.User, "One two three four five six seven eight nine ten eleven.")];
        var options = new ChatOptions { MaxOutputTokens = 8 };

        await client.GetResponseAsync(history, options);
        var again = await client.GetResponseAsync(history, options);

        Assert.Equal(0, again.Usage!.CachedInputTokenCount);
    }

    [Fact]
    public async Task Cancellation_DuringALongPrefill_LeavesTheClientUsable()
    {
        using var client = new OnnxChatClient(
            new OnnxChatClientOptions { PackagePath = Package, Model = new() { MaxPrefillTokens = 1 } });
        using var cancellation = new CancellationTokenSource();
        var prompt = new string('a', 60);
        var options = new ChatOptions { MaxOutputTokens = 4 };
        var expected = await client.GetResponseAsync("Hi", options);

        var requests = Enumerable.Range(0, 8)
            .Select(i => client.GetResponseAsync($"{i}{prompt}", options, cancellation.Token))
            .ToArray();
        await cancellation.CancelAsync();

        Assert.All(
            await Task.WhenAll(requests.Select(Outcome)),
            outcome => Assert.True(outcome is null or OperationCanceledException, outcome?.ToString()));
        Assert.Equal(expected.Text, (await client.GetResponseAsync("Hi", options)).Text);

        static async Task<Exception?> Outcome(Task task)
        {
            await task.ContinueWith(_ => { }, TaskScheduler.Default);
            return task.IsCanceled ? new OperationCanceledException() : task.Exception?.InnerException;
        }
    }

    [Fact]
    public async Task Context_ThatEndsTheAnswer_IsALength()
    {
        using var client = new OnnxChatClient(Package);

        var response = await client.GetResponseAsync(
            "Hi",
            new() { AdditionalProperties = new() { ["ignore_eos"] = true } });

        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(128, response.Usage!.TotalTokenCount);
    }

    [Fact]
    public async Task Prompt_LongerThanTheContext_IsRefusedWithBothNumbers()
    {
        using var client = new OnnxChatClient(Package);

        var e = await Assert.ThrowsAsync<ContextLengthException>(() => client.GetResponseAsync(new string('x', 4000)));
        Assert.Matches(
            @"^The prompt has '\d+' tokens; the context holds '128'\. Shorten it, or load the model "
            + "with a longer context",
            e.Message);
    }

    [Fact]
    public async Task Cancellation_OfARealAnswer_LeavesTheClientUsable()
    {
        using var client = new OnnxChatClient(Package);
        using var cancellation = new CancellationTokenSource();
        var options = new ChatOptions { AdditionalProperties = new() { ["ignore_eos"] = true } };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("Hi", options, cancellation.Token))
            {
                await cancellation.CancelAsync();
            }
        });
        var after = await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 3 });

        Assert.True(after.Usage!.OutputTokenCount is > 0 and <= 3);
    }

    [Fact]
    public async Task RequiredCall_ThatTheLimitCutsOff_IsKeptWithItsException()
    {
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.EnumerateFiles(Package))
        {
            File.WriteAllBytes(folder[Path.GetFileName(file)], File.ReadAllBytes(file));
        }

        File.WriteAllText(
            folder["chat_template.jinja"],
            "{% for t in tools %}{{ t.function.name }} {% endfor %}{# <tool_call> </tool_call> #}{{ "
            + "messages[0].content }}");
        using var client = new OnnxChatClient(folder.Path);
        var tool = AIFunctionFactory.Create((string room) => "ok", "f");

        var response = await client.GetResponseAsync(
            "Hi",
            new() { Tools = [tool], ToolMode = ChatToolMode.RequireAny, MaxOutputTokens = 2 });

        var call = Assert.IsType<FunctionCallContent>(response.Messages[0].Contents[0]);
        Assert.Equal("f", call.Name);
        Assert.NotNull(call.Exception);
        Assert.StartsWith("<tool_call>\n{\"name\": \"f\", \"arguments\": ", (string)call.RawRepresentation!);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
    }

    [Fact]
    public async Task Client_OverALoadedModel_AnswersItsPartsAndLeavesItOpen()
    {
        using var model = LanguageModel.Load(Package);
        var client = new OnnxChatClient(model, "named");

        Assert.Same(model, client.GetService<LanguageModel>());
        Assert.Same(model.Package, client.GetService<ModelPackage>());
        Assert.Same(model.Tokenizer, client.GetService<HuggingFaceTokenizer>());
        Assert.Same(model.Tokenizer, client.GetService<Microsoft.ML.Tokenizers.Tokenizer>());
        Assert.Equal("named", (await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 1 })).ModelId);
        client.Dispose();

        Assert.Equal(1, (await model.ForwardAsync([1])).Length);
    }

    [Fact]
    public async Task Dispose_WithAnAnswerUnderWay_EndsIt()
    {
        var client = new OnnxChatClient(Package);
        var options = new ChatOptions { AdditionalProperties = new() { ["ignore_eos"] = true } };

        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("Hi", options))
            {
                client.Dispose();
            }
        });
    }
}
