using Microsoft.AspNetCore.Http;
using Slipway.Gateway.Replicas;
using Yarp.ReverseProxy.LoadBalancing;
using Yarp.ReverseProxy.Model;

namespace Slipway.Gateway.Balancing;

/// <summary>Sends a conversation to the replica that has it, others to the least loaded one.</summary>
internal sealed class PrefixAffinityPolicy(ReplicaConfigProvider config) : ILoadBalancingPolicy
{
    /// <summary>The policy's name in a cluster's configuration.</summary>
    public const string PolicyName = "PrefixAffinity";

    private uint _turn;

    public string Name => PolicyName;

    public DestinationState? PickDestination(
        HttpContext context, ClusterState cluster, IReadOnlyList<DestinationState> availableDestinations)
    {
        if (availableDestinations.Count == 0)
        {
            return null;
        }

        // Loads change meanwhile: each is read once.
        var loads = availableDestinations.Select(destination => destination.ConcurrentRequestCount).ToArray();
        var min = loads.Min();
        if (context.Features.Get<PromptPrefix>() is not { } prefix)
        {
            var first = (int)(Interlocked.Increment(ref _turn) % (uint)loads.Length);
            var least = Enumerable.Range(first, loads.Length).First(index => loads[index % loads.Length] == min);
            return availableDestinations[least % loads.Length];
        }

        var weights = availableDestinations
            .Select(destination => prefix.WeightOf(destination.Model.Config.Address)).ToArray();
        var own = Enumerable.Range(0, loads.Length).MaxBy(index => weights[index]);
        return loads[own] - min <= config.Current.MaxLoadDifference
            ? availableDestinations[own]
            : availableDestinations[Enumerable.Range(0, loads.Length).Where(index => loads[index] == min)
                .MaxBy(index => weights[index])];
    }
}
