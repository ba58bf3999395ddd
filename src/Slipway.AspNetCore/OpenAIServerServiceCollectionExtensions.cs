using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Slipway.AspNetCore;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Responses;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers what the endpoints of OpenAI's API need.</summary>
public static class OpenAIServerServiceCollectionExtensions
{
    /// <summary>Registers the server; the builder that comes back names its models.</summary>
    /// <remarks>
    /// Where it names none, the application's own <c>IChatClient</c> and <c>IEmbeddingGenerator</c> are served, under
    /// the model ids that their metadata say.
    /// </remarks>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options; null for the defaults.</param>
    public static OpenAIServerBuilder AddOpenAIServer(
        this IServiceCollection services, Action<OpenAIServerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<OpenAIServerOptions>, OpenAIServerOptionsValidator>());
        var options = services.AddOptions<OpenAIServerOptions>().ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        services.TryAddSingleton<ModelCatalog>();
        services.TryAddSingleton<RequestLimits>();
        services.TryAddSingleton<ApiKeys>();
        services.TryAddSingleton<ServerGate>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ServerGate>(
            provider => provider.GetRequiredService<ServerGate>()));
        services.TryAddSingleton<ResponseStore>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ModelStartup>());
        return new OpenAIServerBuilder(services);
    }
}
