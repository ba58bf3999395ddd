using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
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
        => Add(services, EncoderServices.Path<OnnxEmbeddingGeneratorOptions>(packagePath));

    /// <summary>Registers an embedding generator whose options code sets.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddOnnxEmbeddingGenerator(
        this IServiceCollection services,
        Action<OnnxEmbeddingGeneratorOptions> configure)
        => Add(services, EncoderServices.Code(configure));

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
        => Add(services, Bind(section));

    /// <summary>Registers the embedding generator of a package under a key.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the generator's options.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddKeyedOnnxEmbeddingGenerator(
        this IServiceCollection services,
        string serviceKey,
        string packagePath)
        => AddKeyed(services, serviceKey, EncoderServices.Path<OnnxEmbeddingGeneratorOptions>(packagePath));

    /// <summary>Registers an embedding generator under a key; code sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the generator's options.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddKeyedOnnxEmbeddingGenerator(
        this IServiceCollection services,
        string serviceKey,
        Action<OnnxEmbeddingGeneratorOptions> configure)
        => AddKeyed(services, serviceKey, EncoderServices.Code(configure));

    /// <summary>Registers an embedding generator under a key; configuration sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the generator's options.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxEmbeddingGeneratorOptions"/>'
    /// properties.</param>
    /// <returns>A builder of the generator's pipeline.</returns>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddKeyedOnnxEmbeddingGenerator(
        this IServiceCollection services,
        string serviceKey,
        IConfiguration section)
        => AddKeyed(services, serviceKey, Bind(section));

    // Binding is generated for the type that stands here.
    private static Action<OptionsBuilder<OnnxEmbeddingGeneratorOptions>> Bind(IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return builder => builder.Bind(section, binder => binder.ErrorOnUnknownConfiguration = true);
    }

    private static EmbeddingGeneratorBuilder<string, Embedding<float>> Add(
        IServiceCollection services, Action<OptionsBuilder<OnnxEmbeddingGeneratorOptions>> set)
    {
        EncoderServices.AddOptions(services, Options.Options.DefaultName, set);
        return services.AddEmbeddingGenerator(provider => Create(provider, Options.Options.DefaultName));
    }

    private static EmbeddingGeneratorBuilder<string, Embedding<float>> AddKeyed(
        IServiceCollection services, string serviceKey,
        Action<OptionsBuilder<OnnxEmbeddingGeneratorOptions>> set)
    {
        ArgumentException.ThrowIfNullOrEmpty(serviceKey);
        EncoderServices.AddOptions(services, serviceKey, set);
        return services.AddKeyedEmbeddingGenerator(serviceKey, provider => Create(provider, serviceKey));
    }

    private static OnnxEmbeddingGenerator Create(IServiceProvider provider, string name)
        => new(
            EncoderServices.Get<OnnxEmbeddingGeneratorOptions>(provider, name), provider.GetService<TimeProvider>());
}
