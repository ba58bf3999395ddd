namespace Slipway.AspNetCore;

/// <summary>Says who may send requests to the server, how many, and how large.</summary>
public sealed class OpenAIServerOptions
{
    /// <summary>The keys of which a request must carry one as its bearer token; none lets everybody in.</summary>
    public IList<string> ApiKeys { get; set; } = [];

    /// <summary>The most requests that a key may send a minute; null for any number.</summary>
    /// <remarks>Without keys all requests count together. Further ones are refused with status 429.</remarks>
    public int? RequestsPerMinute { get; set; }

    /// <summary>The most requests of a key that run at the same time; null for any number.</summary>
    public int? ConcurrentRequests { get; set; }

    /// <summary>The most bytes of a request's body.</summary>
    /// <value>32 MiB</value>
    public long MaxRequestBytes { get; set; } = 32L << 20;

    /// <summary>
    /// Tells whether the models of packages are loaded, and compute something small, when the host starts.
    /// </summary>
    /// <value>false: the first request to a model loads it.</value>
    /// <remarks>The health endpoint says ready only then. A model that cannot be loaded stops the host.</remarks>
    public bool LoadAtStart { get; set; }

    /// <summary>
    /// The folder from which requests may add LoRA adapters to running models, by
    /// <c>POST /load_lora_adapter</c>; null lets none.
    /// </summary>
    /// <remarks>Whoever may send requests may then add and remove adapters, and sees which folders are there.</remarks>
    public string? AdaptersPath { get; set; }

    /// <summary>The file of SQLite that keeps responses of <c>/responses</c>; null keeps them in memory.</summary>
    public string? ResponsesPath { get; set; }

    /// <summary>The most responses that are kept; older ones leave.</summary>
    /// <value>10,000</value>
    public int MaxStoredResponses { get; set; } = 10_000;

    /// <summary>The longest time that a request may take, waiting included; null for any.</summary>
    /// <value>10 minutes</value>
    public TimeSpan? RequestTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The longest time for which a client may take nothing of its answer; then its connection is closed. Null for any.
    /// </summary>
    /// <value>2 minutes</value>
    /// <remarks>
    /// Answers are handed on in parts of up to 64 KiB, so a client that takes less than that in the time counts as one
    /// that takes nothing. What a client has not taken waits in memory, at most an answer; the engine waits for nobody.
    /// </remarks>
    public TimeSpan? SendTimeout { get; set; } = TimeSpan.FromMinutes(2);
}
