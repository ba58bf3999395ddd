using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Slipway;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers text classifiers over model packages.</summary>
/// <remarks>
/// The text classifier is a singleton. Its options are validated when a host starts, and in any case when it is
/// resolved; its model is loaded by the first request and disposed with the provider.
/// </remarks>
public static class OnnxTextClassifierServiceCollectionExtensions
{
    /// <summary>Registers the text classifier of a package.</summary>
    /// <param name="services">The services.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOnnxTextClassifier(this IServiceCollection services, string packagePath)
        => EncoderServices.Add(services, EncoderServices.Path<OnnxTextClassifierOptions>(packagePath), Create);

    /// <summary>Registers a text classifier whose options code sets.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOnnxTextClassifier(
        this IServiceCollection services, Action<OnnxTextClassifierOptions> configure)
        => EncoderServices.Add(services, EncoderServices.Code(configure), Create);

    /// <summary>Registers a text classifier whose options configuration sets; an unknown key is an error.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxTextClassifierOptions"/>' properties.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddOnnxTextClassifier(this IServiceCollection services, IConfiguration section)
        => EncoderServices.Add(services, Bind(section), Create);

    /// <summary>Registers the text classifier of a package under a key.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the text classifier's options.</param>
    /// <param name="packagePath">The package folder.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKeyedOnnxTextClassifier(
        this IServiceCollection services, string serviceKey, string packagePath)
        => EncoderServices.AddKeyed(
            services, serviceKey, EncoderServices.Path<OnnxTextClassifierOptions>(packagePath), Create);

    /// <summary>Registers a text classifier under a key; code sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the text classifier's options.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKeyedOnnxTextClassifier(
        this IServiceCollection services, string serviceKey, Action<OnnxTextClassifierOptions> configure)
        => EncoderServices.AddKeyed(services, serviceKey, EncoderServices.Code(configure), Create);

    /// <summary>Registers a text classifier under a key; configuration sets its options.</summary>
    /// <param name="services">The services.</param>
    /// <param name="serviceKey">The key; also the name of the text classifier's options.</param>
    /// <param name="section">The section whose keys are <see cref="OnnxTextClassifierOptions"/>' properties.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKeyedOnnxTextClassifier(
        this IServiceCollection services, string serviceKey, IConfiguration section)
        => EncoderServices.AddKeyed(services, serviceKey, Bind(section), Create);

    // Binding is generated for the type that stands here.
    private static Action<OptionsBuilder<OnnxTextClassifierOptions>> Bind(IConfiguration section)
    {
        ArgumentNullException.ThrowIfNull(section);
        return builder => builder.Bind(section, binder => binder.ErrorOnUnknownConfiguration = true);
    }

    private static OnnxTextClassifier Create(OnnxTextClassifierOptions options) => new(options);
}
