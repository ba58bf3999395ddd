namespace Slipway.Load;

/// <summary>Says what load is put on a server of the tool's own, on the loopback address.</summary>
public sealed record LoadOptions
{
    /// <summary>The package that is served.</summary>
    public required string Package { get; init; }

    /// <summary>Connections that send one request after the other.</summary>
    public int Connections { get; init; } = 500;

    /// <summary>Connections that take an answer so slowly that it lasts for minutes.</summary>
    public int SlowConnections { get; init; } = 16;

    /// <summary>Connections that ask for an answer and take nothing of it.</summary>
    public int StalledConnections { get; init; } = 16;

    /// <summary>The time for which they send.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The time after which the server cuts a client that takes nothing.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>The most requests that wait at the server.</summary>
    public int QueueCapacity { get; init; } = 256;

    /// <summary>The most sequences that the server decodes together.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>The longest prompt, in words.</summary>
    public int MaxWords { get; init; } = 300;

    /// <summary>Pairs of rounds that compare the server's throughput with the engine's; 0 for none.</summary>
    public int ThroughputRounds { get; init; } = 3;

    /// <summary>Requests of such a round.</summary>
    public int ThroughputRequests { get; init; } = 96;
}
