using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Slipway.Packaging;

namespace Slipway.Tests.DependencyInjection;

public sealed class OnnxChatClientServiceCollectionExtensionsTests
{
    [Fact]
    public void Path_Registered_ResolvesOneClientNamedAfterItsFolder()
    {
        var services = new ServiceCollection();
        services.AddOnnxChatClient("models/device-assistant/").UseFunctionInvocation();
        using var provider = services.BuildServiceProvider();

        var client = provider.GetRequiredService<IChatClient>();

        Assert.Same(client, provider.GetRequiredService<IChatClient>());
        Assert.NotNull(client.GetService<FunctionInvokingChatClient>());
        Assert.NotNull(client.GetService<OnnxChatClient>());
        Assert.Equal("device-assistant", client.GetService<ChatClientMetadata>()!.DefaultModelId);
    }

    [Fact]
    public void Keys_Registered_HaveOptionsOfTheirOwn()
    {
        var services = new ServiceCollection();
        services.AddKeyedOnnxChatClient("small", "models/a");
        services.AddKeyedOnnxChatClient("large", options =>
        {
            options.PackagePath = "models/b";
            options.ModelId = "the-large-one";
        });
        services.AddKeyedOnnxChatClient("bound", Section(("PackagePath", "models/c"), ("Threads", "2")));
        using var provider = services.BuildServiceProvider();

        Assert.Equal(
            ["a", "the-large-one", "c"],
            new[] { "small", "large", "bound" }.Select(key => provider.GetRequiredKeyedService<IChatClient>(key)
                .GetService<ChatClientMetadata>()!.DefaultModelId));
        Assert.Null(provider.GetService<IChatClient>());
    }

    [Fact]
    public void Section_OfConfiguration_SetsEveryOption()
    {
        var services = new ServiceCollection();
        services.AddOnnxChatClient(Section(
            ("PackagePath", "models/x"),
            ("ModelId", "x"),
            ("ContextLength", "512"),
            ("Threads", "1"),
            ("AllowSpinning", "false"),
            ("UseLargePages", "false"),
            ("MaxBatchSize", "4"),
            ("QueueCapacity", "8"),
            ("KeyValueCacheBytes", "5000000000"),
            ("PrefixCacheBytes", "0"),
            ("GuideToolCalls", "false"),
            ("DraftTokens", "6"),
            ("MaxPrefillTokens", "128"),
            ("MaxMixedPrefillTokens", "16")));
        using var provider = services.BuildServiceProvider();

        var options = provider.GetRequiredService<IOptions<OnnxChatClientOptions>>().Value;

        Assert.Equal("models/x", options.PackagePath);
        Assert.Equal("x", options.ModelId);
        Assert.Equal(512, options.ContextLength);
        Assert.Equal(1, options.Threads);
        Assert.False(options.AllowSpinning);
        Assert.False(options.UseLargePages);
        Assert.Equal(4, options.MaxBatchSize);
        Assert.Equal(8, options.QueueCapacity);
        Assert.Equal(5_000_000_000, options.KeyValueCacheBytes);
        Assert.False(options.GuideToolCalls);
        Assert.Equal(0, options.PrefixCacheBytes);
        Assert.Equal(6, options.DraftTokens);
        Assert.Equal(6, options.ToModelOptions().DraftTokens);
        Assert.Equal(128, options.MaxPrefillTokens);
        Assert.Equal(16, options.MaxMixedPrefillTokens);
    }

    [Fact]
    public async Task WrongOptions_OfAHost_StopItAtStartWithEveryError()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(options =>
        {
            options.Threads = 0;
            options.MaxBatchSize = -1;
        });
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Equal(
            "PackagePath is missing; expected the folder of a package.; Threads is '0'; expected from 1 to 1024.; "
            + "MaxBatchSize is '-1'; expected from 1 to 4096.",
            e.Message);
    }

    [Fact]
    public async Task UnknownKey_OfConfiguration_StopsTheHostAtStart()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(Section(("PackagePath", "models/x"), ("Thread", "2")));
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());
        Assert.Contains("'Thread'", e.Message);
    }

    [Theory]
    [InlineData("Threads", "many")]
    [InlineData("AllowSpinning", "perhaps")]
    [InlineData("KeyValueCacheBytes", "1 GB")]
    public async Task Value_OfAnotherKind_StopsTheHostAtStartAndNamesItsKey(string key, string value)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(Section(("PackagePath", "models/x"), (key, value)));
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());
        Assert.Contains($"'Chat:{key}'", e.Message);
    }

    [Theory]
    [InlineData("Threads", "0", "Threads is '0'; expected from 1 to 1024.")]
    [InlineData("PrefixCacheBytes", "-1", "PrefixCacheBytes is '-1'; expected from 0 to 9223372036854775807.")]
    [InlineData("DraftTokens", "65", "DraftTokens is '65'; expected from 0 to 64.")]
    [InlineData("MaxPrefillTokens", "0", "MaxPrefillTokens is '0'; expected from 1 to 65536.")]
    [InlineData("PackagePath", " ", "PackagePath is missing; expected the folder of a package.")]
    public async Task Value_OutOfRange_StopsTheHostOfAKeyedClientToo(string key, string value, string message)
    {
        var values = new Dictionary<string, string> { ["PackagePath"] = "models/x", [key] = value };
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddKeyedOnnxChatClient("small", Section([.. values.Select(pair => (pair.Key, pair.Value))]));
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Equal("small", e.OptionsName);
        Assert.Equal(message, e.Message);
    }

    [Fact]
    public async Task MissingPackage_FailsTheRequestThatWouldLoadIt()
    {
        using var folder = new Slipway.Testing.TemporaryFolder();
        var services = new ServiceCollection();
        services.AddOnnxChatClient(folder["none"]);
        using var provider = services.BuildServiceProvider();

        var e = await Assert.ThrowsAsync<PackageException>(
            () => provider.GetRequiredService<IChatClient>().GetResponseAsync("Hi"));
        Assert.Contains(folder["none"], e.Message);
    }

    [Fact]
    public async Task Client_OfADisposedProvider_RefusesRequests()
    {
        var services = new ServiceCollection();
        services.AddOnnxChatClient("models/none");
        var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredService<IChatClient>();
        await provider.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hi"));
    }

    [Fact]
    public void Constructor_WithWrongOptions_NamesEveryError()
    {
        var e = Assert.Throws<ArgumentException>(() => new OnnxChatClient(new OnnxChatClientOptions { Threads = 0 }));
        Assert.Equal(
            "PackagePath is missing; expected the folder of a package. Threads is '0'; expected from 1 to 1024. "
            + "(Parameter 'options')",
            e.Message);
    }

    private static IConfigurationSection Section(params (string Key, string Value)[] values)
        => new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(pair => KeyValuePair.Create($"Chat:{pair.Key}", (string?)pair.Value)))
            .Build()
            .GetSection("Chat");
}
