using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Slipway;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers embedding generators over model packages.</summary>
/// <remarks>
/// The generator is a singleton. Its options are validated when a host starts, and in any case when it is resolved; its
/// model is disposed with the provider. The returned builder adds middleware, for example <c>UseLogging()</c>.
/// </remarks>
public static class OnnxEmbeddingGeneratorServiceCollectionExtensions
{
    /// <summary>Registers the embedding generator of a package.</summary>
    /// <param name="services">The services.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddOnnxEmbeddingGenerator(
        this IServiceCollection services,
        string packagePath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(packagePath);
        return services.AddOnnxEmbeddingGenerator(options => options.PackagePath = packagePath);
    }

    /// <summary>Registers an embedding generator whose options code sets.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddOnnxEmbeddingGenerator(
        this IServiceCollection services,
        Action<OnnxEmbeddingGeneratorOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        AddOptions(services, Options.Options.DefaultName).Configure(configure);
        return services.AddEmbeddingGenerator(provider => NewGenerator(provider, Options.Options.DefaultName));
    }

    /// <summary>
    /// Registers an embedding generator whose options configuration sets; an unknown key is an error.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxEmbeddingGeneratorOptions"/>'
    /// properties.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddOnnxEmbeddingGenerator(
        this IServiceCollection services,
        IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        AddOptions(services, Options.Options.DefaultName)
            .Bind(section, binder => binder.ErrorOnUnknownConfiguration = true);
        return services.AddEmbeddingGenerator(provider => NewGenerator(provider, Options.Options.DefaultName));
    }

    /// <summary>Registers an embedding generator under a key; code sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the generator's options.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddKeyedOnnxEmbeddingGenerator(
        this IServiceCollection services,
        string serviceKey,
        Action<OnnxEmbeddingGeneratorOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        ArgumentNullException.ThrowIfNull(configure);
        AddOptions(services, serviceKey).Configure(configure);
        return services.AddKeyedEmbeddingGenerator(serviceKey, provider => NewGenerator(provider, serviceKey));
    }

    private static OptionsBuilder<OnnxEmbeddingGeneratorOptions> AddOptions(IServiceCollection services, string name)
    {
        services.TryAddEnumerable(ServiceDescriptor
            .Singleton<IValidateOptions<OnnxEmbeddingGeneratorOptions>, OnnxEmbeddingGeneratorOptionsValidator>());
        return services.AddOptions<OnnxEmbeddingGeneratorOptions>(name).ValidateOnStart();
    }

    private static OnnxEmbeddingGenerator NewGenerator(IServiceProvider provider, string name)
        => new(
            provider.GetRequiredService<IOptionsMonitor<OnnxEmbeddingGeneratorOptions>>().Get(name),
            provider.GetService<TimeProvider>());
}
