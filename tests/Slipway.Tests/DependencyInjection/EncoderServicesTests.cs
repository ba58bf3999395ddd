using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Slipway.Packaging;
using Slipway.Testing;
using Slipway.Tests.Encoders;

namespace Slipway.Tests.DependencyInjection;

/// <summary>Registrations of rerankers and classifiers, and of embedding generators under keys.</summary>
public sealed class EncoderServicesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Add_EachKindByPathSectionAndKey_AnswersFromItsPackage()
    {
        var reranker = TinyEncoders.Export("xlm-roberta-reranker", _folder);
        var texts = TinyEncoders.Export("qwen3-classifier", _folder);
        var tokens = TinyEncoders.Export("bert-token-classifier", _folder);
        var services = new ServiceCollection();
        services.AddOnnxReranker(reranker);
        services.AddKeyedOnnxReranker("path", reranker);
        services.AddKeyedOnnxReranker("section", Section(reranker));
        services.AddKeyedOnnxReranker("code", options => options.PackagePath = reranker);
        services.AddOnnxTextClassifier(Section(texts));
        services.AddKeyedOnnxTextClassifier("path", texts);
        services.AddKeyedOnnxTextClassifier("section", Section(texts));
        services.AddKeyedOnnxTextClassifier("code", options => options.PackagePath = texts);
        services.AddOnnxTokenClassifier(options => options.PackagePath = tokens);
        services.AddKeyedOnnxTokenClassifier("path", tokens);
        services.AddKeyedOnnxTokenClassifier("section", Section(tokens, ("Aggregation", "Max")));
        services.AddKeyedOnnxTokenClassifier("code", options => options.PackagePath = tokens);
        await using var provider = services.BuildServiceProvider();
        foreach (var key in (string?[])[null, "path", "section", "code"])
        {
            var ranked = await provider.GetRequiredKeyedService<OnnxReranker>(key)
                .ScoreAsync([("t1", "t2")], TestContext.Current.CancellationToken);
            Assert.Single(ranked);
            var labelled = await provider.GetRequiredKeyedService<OnnxTextClassifier>(key)
                .ClassifyAsync(["t1 t2"], TestContext.Current.CancellationToken);
            Assert.Equal(3, labelled[0].Scores.Count);
            var spans = await provider.GetRequiredKeyedService<OnnxTokenClassifier>(key)
                .ClassifyAsync(["t1 t2"], TestContext.Current.CancellationToken);
            Assert.NotEmpty(spans[0]);
        }

        Assert.Equal(
            TokenAggregation.Max,
            provider.GetRequiredService<IOptionsMonitor<OnnxTokenClassifierOptions>>().Get("section").Aggregation);
        Assert.Same(provider.GetRequiredService<OnnxReranker>(), provider.GetRequiredService<OnnxReranker>());
        Assert.NotSame(
            provider.GetRequiredKeyedService<OnnxReranker>("path"),
            provider.GetRequiredKeyedService<OnnxReranker>("code"));
    }

    [Fact]
    public void AddKeyed_EmbeddingGeneratorByPathAndSection_IsRegistered()
    {
        var services = new ServiceCollection();
        services.AddKeyedOnnxEmbeddingGenerator("path", "first");
        services.AddKeyedOnnxEmbeddingGenerator("section", Section(
            "second", ("Dimensions", "64"), ("ExecutionProviders:0", "cpu")));
        using var provider = services.BuildServiceProvider();
        Assert.NotSame(
            provider.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("path"),
            provider.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("section"));
        var options = provider.GetRequiredService<IOptionsMonitor<OnnxEmbeddingGeneratorOptions>>();
        Assert.Equal(("first", (int?)null), (options.Get("path").PackagePath, options.Get("path").Dimensions));
        Assert.Equal(["cpu"], options.Get("section").ExecutionProviders);
        Assert.Equal(("second", 64), (options.Get("section").PackagePath, options.Get("section").Dimensions));
    }

    [Fact]
    public async Task Start_OptionsWithoutPossibleValue_EndsTheHostAndNamesEach()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddOnnxReranker(Section("", ("Threads", "0"), ("ExecutionProviders:0", "cuda:a")));
        builder.Services.AddOnnxTextClassifier(Section("package", ("MaxBatchTokens", "-1")));
        builder.Services.AddKeyedOnnxTokenClassifier("a", Section("package", ("Aggregation", "7")));
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<AggregateException>(
            () => host.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(
            [
                "Aggregation is '7'; expected None, Simple, First, Average, Max.",
                "ExecutionProviders: 'cuda:a' names no device of 'cuda'; expected a number from 0 to 1024, as in "
                    + "'cuda:0'.",
                "MaxBatchTokens is '-1'; expected from 1 to 1048576.",
                "PackagePath is missing; expected the folder of a package.",
                "Threads is '0'; expected from 1 to 1024.",
            ],
            error.InnerExceptions.Cast<OptionsValidationException>().SelectMany(inner => inner.Failures).Order());
    }

    [Fact]
    public async Task Start_PackageThatIsNone_EndsTheHostAndSaysWhy()
    {
        var file = _folder["file"];
        await File.WriteAllTextAsync(file, "", TestContext.Current.CancellationToken);
        var decoder = Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");
        var reranker = TinyEncoders.Export("xlm-roberta-reranker", _folder);
        foreach (var (add, expected) in new (Action<IServiceCollection>, string?)[]
        {
            (services => services.AddOnnxEmbeddingGenerator(_folder["none"]),
                $"PackagePath is '{_folder["none"]}'. The package folder '{_folder["none"]}' does not exist"),
            (services => services.AddKeyedOnnxTextClassifier("a", file), $"PackagePath is '{file}'. "),
            (services => services.AddOnnxTokenClassifier(decoder),
                $"PackagePath is '{decoder}'. The package '{decoder}' holds a 'genai_config.json', so it is a "
                + "decoder."),
            (services => services.AddOnnxReranker(_folder["none"]), $"PackagePath is '{_folder["none"]}'. "),
            (services => services.AddOnnxReranker(decoder), null),
            (services => services.AddOnnxReranker(reranker), null),
        })
        {
            var builder = Host.CreateApplicationBuilder();
            add(builder.Services);
            using var host = builder.Build();
            if (expected is null)
            {
                await host.StartAsync(TestContext.Current.CancellationToken);
                await host.StopAsync(TestContext.Current.CancellationToken);
                continue;
            }

            var error = await Assert.ThrowsAsync<OptionsValidationException>(
                () => host.StartAsync(TestContext.Current.CancellationToken));
            Assert.StartsWith(expected, Assert.Single(error.Failures), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Add_UnknownKey_IsRefused()
    {
        var services = new ServiceCollection();
        services.AddOnnxTextClassifier(Section("package", ("Labells", "a")));
        using var provider = services.BuildServiceProvider();
        Assert.Contains(
            "Labells",
            Assert.Throws<InvalidOperationException>(provider.GetRequiredService<OnnxTextClassifier>).ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_ClassifiersPackage_SaysWhatItIsFor()
    {
        var package = TinyEncoders.Export("qwen3-classifier", _folder);
        using var client = new OnnxChatClient(package);
        Assert.Equal(
            $"The package '{package}' is an encoder's, which writes no text. Embed with OnnxEmbeddingGenerator or "
            + "'slipway embed', or give the package of a decoder.",
            (await Assert.ThrowsAsync<PackageException>(() => client.GetResponseAsync(
                "Hello", cancellationToken: TestContext.Current.CancellationToken))).Message);
    }

    private static IConfiguration Section(string path, params IEnumerable<(string Key, string Value)> more)
        => new ConfigurationBuilder().AddInMemoryCollection(
            more.Append(("PackagePath", path)).Select(pair => KeyValuePair.Create(pair.Item1, (string?)pair.Item2)))
            .Build();
}
