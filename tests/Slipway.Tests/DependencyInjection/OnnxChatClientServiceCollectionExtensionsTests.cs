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
        services.AddKeyedOnnxChatClient("bound", Section(("PackagePath", "models/c"), ("Model:Threads", "2")));
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
            ("Adapter", "poems"),
            ("GuideToolCalls", "false"),
            ("Model:KeyValueCacheBytes", "5000000000"),
            ("Model:ExecutionProviders:0", "cuda:1"),
            ("Model:ExecutionProviders:1", "cpu"),
            ("Model:ExecutionProviderOptions:cuda:gpu_mem_limit", "8589934592")));
        using var provider = services.BuildServiceProvider();

        var options = provider.GetRequiredService<IOptions<OnnxChatClientOptions>>().Value;

        Assert.Equal("models/x", options.PackagePath);
        Assert.Equal("x", options.ModelId);
        Assert.Equal("poems", options.Adapter);
        Assert.False(options.GuideToolCalls);
        Assert.Equal(5_000_000_000, options.Model.KeyValueCacheBytes);
        Assert.Equal(["cuda:1", "cpu"], options.Model.ExecutionProviders);
        Assert.Equal("8589934592", options.Model.ExecutionProviderOptions!["cuda"]["gpu_mem_limit"]);
        Assert.Equal(new LanguageModelOptions().MaxBatchSize, options.Model.MaxBatchSize);
    }

    [Fact]
    public void Section_OfConfiguration_SetsEveryOptionOfTheModel()
    {
        // Whatever option a model gets is one of the chat client's, too.
        var properties = typeof(LanguageModelOptions).GetProperties()
            .Where(property => property.PropertyType != typeof(TimeProvider)
                && property.PropertyType != typeof(MemoryBudget)
                && property.PropertyType != typeof(LanguageModelEngine) && !property.PropertyType.IsInterface)
            .ToArray();
        var plain = new LanguageModelOptions();
        (string Key, string Value)[] values =
        [
            ("PackagePath", "models/x"),
            .. properties.Select(property => ($"Model:{property.Name}", property.GetValue(plain) switch
            {
                bool value => value ? "false" : "true",
                _ when property.PropertyType == typeof(string) => "models/y",
                _ => "17",
            })),
        ];
        var services = new ServiceCollection();
        services.AddOnnxChatClient(Section(values));
        using var provider = services.BuildServiceProvider();

        var options = provider.GetRequiredService<IOptions<OnnxChatClientOptions>>().Value.Model;

        Assert.NotEmpty(properties);
        Assert.All(properties, property => Assert.NotEqual(property.GetValue(plain), property.GetValue(options)));
    }

    [Fact]
    public async Task WrongOptions_OfAHost_StopItAtStartWithEveryError()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(options =>
        {
            options.Model.Threads = 0;
            options.Model.MaxBatchSize = -1;
        });
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Equal(
            "PackagePath is missing; expected the folder of a package.; Model.Threads is '0'; expected from 1 to "
            + "1024.; Model.MaxBatchSize is '-1'; expected from 1 to 4096.",
            e.Message);
    }

    [Fact]
    public async Task UnknownKey_OfConfiguration_StopsTheHostAtStart()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(Section(("PackagePath", "models/x"), ("Model:Thread", "2")));
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());
        Assert.Contains("'Thread'", e.Message);
    }

    [Theory]
    [InlineData("Model:Threads", "many")]
    [InlineData("Model:AllowSpinning", "perhaps")]
    [InlineData("Model:KeyValueCacheBytes", "1 GB")]
    public async Task Value_OfAnotherKind_StopsTheHostAtStartAndNamesItsKey(string key, string value)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(Section(("PackagePath", "models/x"), (key, value)));
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());
        Assert.Contains($"'Chat:{key}'", e.Message);
    }

    [Theory]
    [InlineData("Model:Threads", "0", "Model.Threads is '0'; expected from 1 to 1024.")]
    [InlineData("Model:PrefixCacheBytes", "-1",
        "Model.PrefixCacheBytes is '-1'; expected from 0 to 9223372036854775807.")]
    [InlineData("Model:ExecutionProviders:0", "gpu",
        "Model.ExecutionProviders: 'gpu' is no execution provider; expected one of 'auto', 'cuda', 'directml' and "
        + "'cpu', and after ':' the number of a device, as in 'cuda:1'.")]
    [InlineData("Model:DraftTokens", "65", "Model.DraftTokens is '65'; expected from 0 to 64.")]
    [InlineData("Model:MaxPrefillTokens", "0", "Model.MaxPrefillTokens is '0'; expected from 1 to 65536.")]
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
        var e = Assert.Throws<ArgumentException>(
            () => new OnnxChatClient(new OnnxChatClientOptions { Model = new() { Threads = 0 } }));
        Assert.Equal(
            "PackagePath is missing; expected the folder of a package. Model.Threads is '0'; expected from 1 to 1024. "
            + "(Parameter 'options')",
            e.Message);
    }

    [Fact]
    public void Constructor_WithoutAModel_SaysSo()
        => Assert.Equal(
            "Model is null; expected options of a model. (Parameter 'options')",
            Assert.Throws<ArgumentException>(() => new OnnxChatClient(new OnnxChatClientOptions
            {
                PackagePath = "models/x", Model = null!,
            })).Message);

    private static IConfigurationSection Section(params (string Key, string Value)[] values)
        => new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(pair => KeyValuePair.Create($"Chat:{pair.Key}", (string?)pair.Value)))
            .Build()
            .GetSection("Chat");
}
