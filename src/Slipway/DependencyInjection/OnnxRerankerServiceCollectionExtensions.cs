using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Slipway;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers rerankers over model packages.</summary>
/// <remarks>
/// The reranker is a singleton. Its options are validated when a host starts, and in any case when it is resolved; its
/// model is loaded by the first request and disposed with the provider.
/// </remarks>
public static class OnnxRerankerServiceCollectionExtensions
{
    /// <summary>Registers the reranker of a package.</summary>
    /// <param name="services">The services.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOnnxReranker(this IServiceCollection services, string packagePath)
        => EncoderServices.Add(services, EncoderServices.Path<OnnxRerankerOptions>(packagePath), Create);

    /// <summary>Registers a reranker whose options code sets.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOnnxReranker(
        this IServiceCollection services, Action<OnnxRerankerOptions> configure)
        => EncoderServices.Add(services, EncoderServices.Code(configure), Create);

    /// <summary>Registers a reranker whose options configuration sets; an unknown key is an error.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxRerankerOptions"/>' properties.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOnnxReranker(this IServiceCollection services, IConfiguration section)
        => EncoderServices.Add(services, Bind(section), Create);

    /// <summary>Registers the reranker of a package under a key.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the reranker's options.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKeyedOnnxReranker(
        this IServiceCollection services, string serviceKey, string packagePath)
        => EncoderServices.AddKeyed(
            services, serviceKey, EncoderServices.Path<OnnxRerankerOptions>(packagePath), Create);

    /// <summary>Registers a reranker under a key; code sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the reranker's options.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKeyedOnnxReranker(
        this IServiceCollection services, string serviceKey, Action<OnnxRerankerOptions> configure)
        => EncoderServices.AddKeyed(services, serviceKey, EncoderServices.Code(configure), Create);

    /// <summary>Registers a reranker under a key; configuration sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the reranker's options.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxRerankerOptions"/>' properties.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKeyedOnnxReranker(
        this IServiceCollection services, string serviceKey, IConfiguration section)
        => EncoderServices.AddKeyed(services, serviceKey, Bind(section), Create);

    // Binding is generated for the type that stands here.
    private static Action<OptionsBuilder<OnnxRerankerOptions>> Bind(IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return builder => builder.Bind(section, binder => binder.ErrorOnUnknownConfiguration = true);
    }

    private static OnnxReranker Create(OnnxRerankerOptions options) => new(options);
}
