using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Models;

public sealed class ModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Alias_OfNoModelOrTaken_StopsTheServer()
    {
        var none = await Assert.ThrowsAsync<InvalidOperationException>(() => TestServer.StartAsync(
            models => models.AddChatClient("a", _ => null!).AddAlias("b", "c")));
        Assert.Equal(
            "The alias 'b' is of 'c', which no model is called; there is 'a'. Name one of them.", none.Message);
        var taken = await Assert.ThrowsAsync<InvalidOperationException>(() => TestServer.StartAsync(
            models => models.AddChatClient("a", _ => null!).AddAlias("a", "a")));
        Assert.Equal("Two models are called 'a'. Give one of them another name.", taken.Message);
    }

    [Fact]
    public async Task Alias_InOllamasList_StandsUnderItsOwnName()
    {
        await using var server = await TestServer.StartAsync(
            models => models.AddChatClient("a", _ => FakeChatClient.Saying()).AddAlias("b", "a"));

        var answer = await server.GetAsync("/api/tags");

        Assert.Equal(
            ["a:latest", "b:latest"], answer.Json["models"]!.AsArray().Select(model => (string?)model!["name"]));
    }

    [Fact]
    public async Task Package_OfSeveralLabels_ClassifiesAndRanksNothing()
    {
        var package = TinyPackage.Spelled(_folder, "bert-classifier");
        await using var server = await TestServer.StartAsync(models => models.AddModel(package, "labels"));
        var answer = await server.PostAsync("/v1/classify", """{"model": "labels", "input": ["t10", "t20 t21"]}""");
        Assert.True(answer.Status == HttpStatusCode.OK, answer.Text);
        using var classifier = new OnnxTextClassifier(package);
        var expected = await classifier.ClassifyAsync(["t10", "t20 t21"], TestContext.Current.CancellationToken);
        var data = answer.Json["data"]!.AsArray();
        Assert.Equal(expected.Select(text => text.Best.Label), data.Select(text => (string?)text!["label"]));
        Assert.Equal(
            expected.Select(text => text.Scores.Select(score => score.Score)),
            data.Select(text => text!["probs"]!.AsArray().Select(value => (float)value!)));
        var ranked = await server.PostAsync(
            "/v1/rerank", """{"model": "labels", "query": "q", "documents": ["d"]}""");
        Assert.Equal((400, "model", "model_not_supported"), ranked.Error);
        Assert.Contains("it has several labels. Send texts to '/classify'", ranked.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Package_OfOneLabel_Ranks()
    {
        var package = TinyPackage.Export(_folder["package"], "sentence-transformers", "cross-encoder");
        await using var server = await TestServer.StartAsync(models => models.AddModel(package, "ranks"));
        var answer = await server.PostAsync(
            "/v1/rerank", """{"model": "ranks", "query": "q", "documents": ["d", "e"]}""");
        Assert.Equal(2, answer.Json["results"]!.AsArray().Count);
        Assert.Equal(
            (400, "model", "model_not_supported"),
            (await server.PostAsync("/v1/classify", """{"model": "ranks", "input": "x"}""")).Error);
    }

    [Fact]
    public async Task Embeddings_OfTokens_AreThoseOfTheirText()
    {
        var package = TinyPackage.Export(_folder["package"], "sentence-transformers", "cls-pooling");
        await using var server = await TestServer.StartAsync(models => models.AddModel(package, "numbers"));
        using var generator = new OnnxEmbeddingGenerator(package);
        var tokenizer = (Slipway.Tokenization.HuggingFaceTokenizer)generator.GetService(
            typeof(Slipway.Tokenization.HuggingFaceTokenizer))!;
        var ids = string.Join(", ", tokenizer.Encode("a small house", addSpecialTokens: true));
        var text = await server.PostAsync("/v1/embeddings", """{"model": "numbers", "input": "a small house"}""");
        var tokens = await server.PostAsync("/v1/embeddings", $$"""{"model": "numbers", "input": [{{ids}}]}""");
        var several = await server.PostAsync("/v1/embeddings", $$"""{"model": "numbers", "input": [[{{ids}}]]}""");
        Assert.Equal(Embedding(text), Embedding(tokens));
        Assert.Equal(Embedding(text), Embedding(several));
        Assert.Equal(
            (400, "input[1]", "integer_above_max_value"),
            (await server.PostAsync("/v1/embeddings", """{"model": "numbers", "input": [1, 9999999]}""")).Error);

        static string Embedding(ServerAnswer answer) => answer.Json["data"]![0]!["embedding"]!.ToJsonString();
    }

    [Fact]
    public async Task Idle_ModelInUse_IsNotUnloaded()
    {
        await using var server = await TestServer.StartAsync(models => models.AddModel(
            TestServer.Assistant, "home", options => options.IdleTimeout = TimeSpan.FromMilliseconds(20)));
        var model = server.Services.GetRequiredService<ModelCatalog>().Resolve("home")!;
        LanguageModel engine;
        using (var use = await model.UseEngineAsync(TestContext.Current.CancellationToken))
        {
            engine = use!.Model;
            await Task.Delay(400, TestContext.Current.CancellationToken);
            Assert.Equal(3, (await GenerateAsync(engine)).Length);
        }

        while (!server.Log.Lines.Any(line => line.Contains("was unloaded", StringComparison.Ordinal)))
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        // The model that was unloaded is gone, and the next request has another one.
        while (await Record.ExceptionAsync(() => GenerateAsync(engine)) is not ObjectDisposedException)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(
            "/v1/completions", """{"model": "home", "prompt": "Turn", "max_tokens": 3}""")).Status);
    }

    [Fact]
    public async Task Memory_ForOneModelOnly_UnloadsTheOneThatIsUnused()
    {
        var weights = new DirectoryInfo(TestServer.Assistant).EnumerateFiles()
            .Where(file => file.Name.Contains(".onnx", StringComparison.Ordinal)).Sum(file => file.Length);
        var budget = new MemoryBudget(weights * 3 / 2) { IncludesWeights = true };
        await using var server = await TestServer.StartAsync(models => models
            .AddModel(TestServer.Assistant, "first", options => options.Model.MemoryBudget = budget)
            .AddModel(TestServer.Assistant, "second", options => options.Model.MemoryBudget = budget));
        Assert.Equal(HttpStatusCode.OK, (await AskAsync("first")).Status);
        Assert.InRange(budget.UsedBytes, weights, budget.Bytes);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync("second")).Status);
        Assert.InRange(budget.UsedBytes, weights, budget.Bytes);

        // A model that is in use stays, and the other one is told to come again.
        var model = server.Services.GetRequiredService<ModelCatalog>().Resolve("second")!;
        using (await model.UseEngineAsync(TestContext.Current.CancellationToken))
        {
            var refused = await AskAsync("first");
            Assert.Equal((503, null, "insufficient_memory"), refused.Error);
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        Assert.Equal(HttpStatusCode.OK, (await AskAsync("first")).Status);
        Assert.InRange(budget.UsedBytes, weights, budget.Bytes);

        Task<ServerAnswer> AskAsync(string name) => server.PostAsync(
            "/v1/completions", $$"""{"model": "{{name}}", "prompt": "Turn", "max_tokens": 3}""");
    }

    [Fact]
    public async Task Start_WithLoading_IsReadyWhenModelsAreWarm()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long prompts = 0;
        using var meters = new MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "slipway.output_tokens")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        meters.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref prompts, count));
        meters.Start();
        await using var server = await TestServer.StartAsync(
            models => models.AddModel(TestServer.Assistant, "home", _ => release.Task.Wait()),
            options => options.LoadAtStart = true);
        var early = await server.GetAsync("/health");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "loading"), (early.Status, early.Text));
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/health/live")).Status);
        release.SetResult();
        while ((await server.GetAsync("/health/ready")).Status != HttpStatusCode.OK)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.InRange(Interlocked.Read(ref prompts), 1, long.MaxValue);
        Assert.Contains(
            server.Log.Lines, line => line.Contains("The model 'home' is loaded and warm.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Start_WithLoadingOfABrokenPackage_StopsTheHost()
    {
        var package = _folder["package"];
        Directory.CreateDirectory(package);
        await File.WriteAllTextAsync(
            Path.Combine(package, "genai_config.json"), "{}", TestContext.Current.CancellationToken);
        await using var server = await TestServer.StartAsync(
            models => models.AddModel(package, "broken"), options => options.LoadAtStart = true);
        var stopping = server.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        while (!stopping.IsCancellationRequested)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.Contains(
            server.Log.Lines, line => line.StartsWith("Critical: A model could not", StringComparison.Ordinal));
    }

    private static async Task<int[]> GenerateAsync(LanguageModel model)
    {
        List<int> ids = [];
        await foreach (var token in model.GenerateAsync(
            new GenerationRequest { PromptIds = [1, 2], MaxOutputTokens = 3, IgnoreEndOfSequence = true }))
        {
            ids.Add(token.Id);
        }

        return [.. ids];
    }
}
