namespace Slipway.Gateway;

/// <summary>Names the replicas that the gateway stands before, and says how requests are spread over them.</summary>
/// <remarks>
/// Bound to configuration, changes are followed while the gateway runs: replicas come and go, and requests in flight
/// end where they are.
/// </remarks>
public sealed class ModelGatewayOptions
{
    /// <summary>The addresses of the replicas, such as <c>http://10.0.0.1:8080</c>.</summary>
    /// <remarks>
    /// The address decides which conversations a replica has, so every gateway before the same replicas should have it
    /// in the same spelling.
    /// </remarks>
    public IList<string> Replicas { get; set; } = [];

    /// <summary>Tells whether a conversation returns to the replica that holds its keys and values.</summary>
    /// <value>true; otherwise each request goes to the replica with the fewest requests in flight.</value>
    public bool PrefixAffinity { get; set; } = true;

    /// <summary>
    /// The most requests in flight that a conversation's own replica may have beyond the least loaded one; with more,
    /// the request goes to the least loaded one.
    /// </summary>
    /// <value>8</value>
    public int MaxLoadDifference { get; set; } = 8;

    /// <summary>The path that tells by its status whether a replica takes requests.</summary>
    /// <value><c>/health/ready</c></value>
    public string HealthPath { get; set; } = "/health/ready";

    /// <summary>The time between two questions whether a replica takes requests.</summary>
    /// <value>2 seconds</value>
    public TimeSpan HealthInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest time that a replica may send nothing, before its answer begins and within it.</summary>
    /// <value>10 minutes</value>
    public TimeSpan ActivityTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The most bytes of a request's body. Bodies are kept until the answer begins, so that another replica can have
    /// the request: up to 1 MiB in memory, the rest in a temporary file.
    /// </summary>
    /// <value>32 MiB</value>
    public long MaxRequestBytes { get; set; } = 32L << 20;
}
