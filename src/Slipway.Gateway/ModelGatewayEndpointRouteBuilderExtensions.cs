using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Slipway.Gateway.Forwarding;
using Slipway.Gateway.Replicas;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the gateway before replicas of a server.</summary>
public static class ModelGatewayEndpointRouteBuilderExtensions
{
    /// <summary>Maps all paths that the application does not serve itself to the replicas.</summary>
    /// <remarks>
    /// <para>
    /// A conversation goes to the replica that holds its keys and values (rendezvous hashing over what its requests
    /// begin with), other requests to the one with the fewest in flight. A request whose answer has not begun goes on
    /// to another replica where one is gone, stops or has no room; a stream that breaks off ends with an error event.
    /// </para>
    /// <para>
    /// Keys, rates and sizes are checked by the replicas. Requests that change a replica, such as those that add
    /// adapters, reach one of them; send them to each. A stored response is found by asking one replica after the
    /// other, and is there as long as its replica, unless replicas share the file of their responses.
    /// </para>
    /// </remarks>
    /// <param name="endpoints">The application's endpoints.</param>
    /// <exception cref="InvalidOperationException">The services lack <c>AddModelGateway</c>.</exception>
    /// <exception cref="OptionsValidationException">An option is wrong.</exception>
    public static ReverseProxyConventionBuilder MapModelGateway(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        if (endpoints.ServiceProvider.GetService<ReplicaConfigProvider>() is null)
        {
            throw new InvalidOperationException(
                "The services lack those of the gateway. Call services.AddModelGateway(…) before the application is "
                + "built.");
        }

        return endpoints.MapReverseProxy(proxy =>
        {
            proxy.Use(ReplicaFailover.InvokeAsync);
            proxy.UseLoadBalancing();
            proxy.UsePassiveHealthChecks();
        });
    }
}
