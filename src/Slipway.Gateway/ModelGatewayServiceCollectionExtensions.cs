using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Slipway.Gateway;
using Slipway.Gateway.Balancing;
using Slipway.Gateway.Forwarding;
using Slipway.Gateway.Replicas;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the gateway before replicas of a server.</summary>
public static class ModelGatewayServiceCollectionExtensions
{
    /// <summary>Registers the gateway with options from configuration, whose changes it follows.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">The section that <see cref="ModelGatewayOptions"/> are bound to.</param>
    /// <returns>YARP's builder, for what else its proxy should do.</returns>
    public static IReverseProxyBuilder AddModelGateway(this IServiceCollection services, IConfigurationSection section)
    {
        ArgumentNullException.ThrowIfNull(section);
        var builder = services.AddModelGateway(_ => { });
        services.AddOptions<ModelGatewayOptions>().Bind(
            section, binder => binder.ErrorOnUnknownConfiguration = true);
        return builder;
    }

    /// <summary>Registers the gateway.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the options.</param>
    /// <returns>YARP's builder, for what else its proxy should do.</returns>
    public static IReverseProxyBuilder AddModelGateway(
        this IServiceCollection services, Action<ModelGatewayOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<ModelGatewayOptions>, ModelGatewayOptionsValidator>());

        // Checked where they are mapped; a monitor of the framework's would throw at each wrong change.
        services.AddOptions<ModelGatewayOptions>().Configure(configure);
        services.TryAddSingleton<ReplicaConfigProvider>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IProxyConfigProvider, ReplicaConfigProvider>(
            provider => provider.GetRequiredService<ReplicaConfigProvider>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ILoadBalancingPolicy, PrefixAffinityPolicy>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPassiveHealthCheckPolicy, ConnectionFailurePolicy>());
        return services.AddReverseProxy().AddTransforms<AnswerTransform>();
    }
}
