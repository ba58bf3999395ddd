using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Slipway.Gateway.Balancing;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Health;
using Yarp.ReverseProxy.LoadBalancing;

namespace Slipway.Gateway.Replicas;

/// <summary>Gives YARP the replicas of the options, anew with each change.</summary>
/// <remarks>Changes that are wrong are logged and left out: the gateway goes on with what it has.</remarks>
internal sealed partial class ReplicaConfigProvider : IProxyConfigProvider, IDisposable
{
    /// <summary>The id of the cluster of all replicas.</summary>
    public const string Cluster = "slipway-replicas";

    private readonly IOptionsFactory<ModelGatewayOptions> _options;
    private readonly ILogger<ReplicaConfigProvider> _logger;
    private readonly InMemoryConfigProvider _config;
    private readonly IDisposable[] _changes;
    private volatile ModelGatewayOptions _current;

    public ReplicaConfigProvider(
        IOptionsFactory<ModelGatewayOptions> options,
        IEnumerable<IOptionsChangeTokenSource<ModelGatewayOptions>> changes,
        ILogger<ReplicaConfigProvider> logger)
    {
        (_options, _logger) = (options, logger);
        _current = options.Create(Options.DefaultName);
        _config = new([Route], [ClusterOf(_current)]);
        _changes = [.. changes.Select(source => ChangeToken.OnChange(source.GetChangeToken, Update))];
    }

    /// <summary>The options in force.</summary>
    public ModelGatewayOptions Current => _current;

    private static RouteConfig Route => new()
    {
        RouteId = Cluster, ClusterId = Cluster, Match = new() { Path = "{**path}" },
    };

    public IProxyConfig GetConfig() => _config.GetConfig();

    public void Dispose() => Array.ForEach(_changes, change => change.Dispose());

    private void Update()
    {
        try
        {
            _current = _options.Create(Options.DefaultName);
            _config.Update([Route], [ClusterOf(_current)]);
        }
        catch (Exception exception) when (exception is OptionsValidationException or InvalidOperationException)
        {
            ChangeRefused(_logger, exception.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The changed options are wrong, those before stay in force: {Reason}")]
    private static partial void ChangeRefused(ILogger logger, string reason);

    private static ClusterConfig ClusterOf(ModelGatewayOptions options) => new()
    {
        ClusterId = Cluster,
        LoadBalancingPolicy = options.PrefixAffinity ? PrefixAffinityPolicy.PolicyName
            : LoadBalancingPolicies.LeastRequests,
        Destinations = options.Replicas.ToDictionary(
            replica => replica.TrimEnd('/'), replica => new DestinationConfig { Address = replica },
            StringComparer.OrdinalIgnoreCase),
        HttpRequest = new ForwarderRequestConfig { ActivityTimeout = options.ActivityTimeout },
        HealthCheck = new()
        {
            // Where no replica is known to be well, each is tried: a probe may be late.
            AvailableDestinationsPolicy = HealthCheckConstants.AvailableDestinations.HealthyOrPanic,
            Active = new()
            {
                Enabled = true,
                Path = options.HealthPath,
                Interval = options.HealthInterval,
                Timeout = options.HealthInterval,
                Policy = HealthCheckConstants.ActivePolicy.ConsecutiveFailures,
            },
            Passive = new()
            {
                Enabled = true,
                Policy = ConnectionFailurePolicy.PolicyName,
                ReactivationPeriod = options.HealthInterval,
            },
        },
        Metadata = new Dictionary<string, string>
        {
            // A replica that stops says so, and gets nothing more from the first such answer on.
            [ConsecutiveFailuresHealthPolicyOptions.ThresholdMetadataName] = "1",
        },
    };
}
