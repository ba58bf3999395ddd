using Microsoft.AspNetCore.Http;
using Slipway.Gateway.Forwarding;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.Model;

namespace Slipway.Gateway.Replicas;

/// <summary>Takes a replica out with the first connection that it refuses or breaks, until the next probe.</summary>
/// <remarks>Replicas are few and hold much, so one that has gone is known from a single request.</remarks>
internal sealed class ConnectionFailurePolicy(IDestinationHealthUpdater health) : IPassiveHealthCheckPolicy
{
    public const string PolicyName = "ConnectionFailure";

    public string Name => PolicyName;

    public void RequestProxied(HttpContext context, ClusterState cluster, DestinationState destination)
    {
        if (context.Features.Get<ForwardingState>()?.IsBroken == true
            && !context.RequestAborted.IsCancellationRequested)
        {
            var time = cluster.Model.Config.HealthCheck?.Passive?.ReactivationPeriod ?? TimeSpan.FromSeconds(2);
            health.SetPassive(cluster, destination, DestinationHealth.Unhealthy, time);
        }
    }
}
