using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Slipway;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers chat clients over model packages.</summary>
/// <remarks>
/// The client is a singleton. Its options are validated when a host starts, and in any case when it is resolved; a host
/// also checks that the package is there. The model is loaded by the first request, or as
/// <see cref="OnnxChatClientOptions.LoadAtStart"/> says, and disposed with the provider. The returned builder adds
/// middleware, for example <c>UseFunctionInvocation()</c>.
/// </remarks>
public static class OnnxChatClientServiceCollectionExtensions
{
    /// <summary>Registers the chat client of a package.</summary>
    /// <param name="services">The services.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>A builder of the client's pipeline.</returns>
    public static ChatClientBuilder AddOnnxChatClient(this IServiceCollection services, string packagePath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(packagePath);
        return services.AddOnnxChatClient(options => options.PackagePath = packagePath);
    }

    /// <summary>Registers a chat client whose options code sets.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder of the client's pipeline.</returns>
    public static ChatClientBuilder AddOnnxChatClient(
        this IServiceCollection services,
        Action<OnnxChatClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        AddOptions(services, Options.Options.DefaultName).Configure(configure);
        return services.AddChatClient(provider => NewClient(provider, Options.Options.DefaultName));
    }

    /// <summary>Registers a chat client whose options configuration sets; an unknown key is an error.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxChatClientOptions"/>' properties.</param>
    /// <returns>A builder of the client's pipeline.</returns>
    public static ChatClientBuilder AddOnnxChatClient(this IServiceCollection services, IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        AddOptions(services, Options.Options.DefaultName).Bind(section, RefuseUnknownKeys);
        return services.AddChatClient(provider => NewClient(provider, Options.Options.DefaultName));
    }

    /// <summary>Registers the chat client of a package under a key.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the client's options.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>A builder of the client's pipeline.</returns>
    public static ChatClientBuilder AddKeyedOnnxChatClient(
        this IServiceCollection services,
        string serviceKey,
        string packagePath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(packagePath);
        return services.AddKeyedOnnxChatClient(serviceKey, options => options.PackagePath = packagePath);
    }

    /// <summary>Registers a chat client under a key; code sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the client's options.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder of the client's pipeline.</returns>
    public static ChatClientBuilder AddKeyedOnnxChatClient(
        this IServiceCollection services,
        string serviceKey,
        Action<OnnxChatClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        ArgumentNullException.ThrowIfNull(configure);
        AddOptions(services, serviceKey).Configure(configure);
        return services.AddKeyedChatClient(serviceKey, provider => NewClient(provider, serviceKey));
    }

    /// <summary>
    /// Registers a chat client under a key; configuration sets its options, an unknown key is an error.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the client's options.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxChatClientOptions"/>' properties.</param>
    /// <returns>A builder of the client's pipeline.</returns>
    public static ChatClientBuilder AddKeyedOnnxChatClient(
        this IServiceCollection services,
        string serviceKey,
        IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        ArgumentNullException.ThrowIfNull(section);
        AddOptions(services, serviceKey).Bind(section, RefuseUnknownKeys);
        return services.AddKeyedChatClient(serviceKey, provider => NewClient(provider, serviceKey));
    }

    private static OptionsBuilder<OnnxChatClientOptions> AddOptions(IServiceCollection services, string name)
    {
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<OnnxChatClientOptions>, OnnxChatClientOptionsValidator>());
        var key = name == Options.Options.DefaultName ? null : name;
        services.AddSingleton<IHostedService>(provider => new OnnxChatClientStartup(
            provider, name, inner => OnnxChatClientHealthChecksBuilderExtensions.Find(inner, key)));
        return services.AddOptions<OnnxChatClientOptions>(name).ValidateOnStart();
    }

    private static OnnxChatClient NewClient(IServiceProvider provider, string name)
    {
        var options = provider.GetRequiredService<IOptionsMonitor<OnnxChatClientOptions>>().Get(name);
        options.Model.LoggerFactory ??= provider.GetService<ILoggerFactory>();
        return new(options, provider.GetService<TimeProvider>());
    }

    private static void RefuseUnknownKeys(BinderOptions options) => options.ErrorOnUnknownConfiguration = true;
}
