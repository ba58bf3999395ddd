using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Slipway.Tests.DependencyInjection;

public sealed class OnnxEmbeddingGeneratorServiceCollectionExtensionsTests
{
    [Fact]
    public void Add_Path_RegistersOneGenerator()
    {
        var services = new ServiceCollection();
        services.AddOnnxEmbeddingGenerator("package");
        using var provider = services.BuildServiceProvider();
        var generator = provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        Assert.NotNull(generator.GetService<OnnxEmbeddingGenerator>());
        Assert.Same(generator, provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>());
    }

    [Fact]
    public void Add_Keyed_RegistersEachUnderItsKey()
    {
        var services = new ServiceCollection();
        services.AddKeyedOnnxEmbeddingGenerator("a", options => options.PackagePath = "first");
        services.AddKeyedOnnxEmbeddingGenerator("b", options => options.PackagePath = "second");
        using var provider = services.BuildServiceProvider();
        Assert.NotSame(
            provider.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("a"),
            provider.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("b"));
    }

    [Fact]
    public void Add_Section_BindsItsKeys()
    {
        using var provider = Provide(new() { ["PackagePath"] = "package", ["MaxBatchTokens"] = "77" });
        Assert.Equal(77, provider.GetRequiredService<IOptions<OnnxEmbeddingGeneratorOptions>>().Value.MaxBatchTokens);
    }

    [Fact]
    public void Resolve_OptionsWithoutPossibleValue_NamesEach()
    {
        using var provider = Provide(new() { ["Threads"] = "0" });
        var error = Assert.Throws<OptionsValidationException>(
            () => provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>());
        Assert.Equal(
            ["PackagePath is missing; expected the folder of a package.", "Threads is '0'; expected from 1 to 1024."],
            error.Failures);
    }

    [Fact]
    public void Resolve_UnknownKey_IsRefused()
    {
        using var provider = Provide(new() { ["PackagePath"] = "package", ["Poolling"] = "mean" });
        var error = Assert.Throws<InvalidOperationException>(
            () => provider.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>());
        Assert.Contains("Poolling", error.ToString(), StringComparison.Ordinal);
    }

    private static ServiceProvider Provide(Dictionary<string, string?> keys)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(keys).Build();
        var services = new ServiceCollection();
        services.AddOnnxEmbeddingGenerator(configuration);
        return services.BuildServiceProvider();
    }
}
