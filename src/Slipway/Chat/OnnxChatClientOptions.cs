using Microsoft.Extensions.Logging;

namespace Slipway;

/// <summary>Says which package a chat client serves and what it may use.</summary>
public sealed class OnnxChatClientOptions
{
    /// <summary>The package folder; relative paths start at the current directory.</summary>
    public string? PackagePath { get; set; }

    /// <summary>The model's name in responses and telemetry.</summary>
    /// <value>The name of the package folder.</value>
    public string? ModelId { get; set; }

    /// <summary>The longest sequence in tokens, prompt and answer together.</summary>
    /// <value>The package's own, or as many as the key-value budget holds.</value>
    public int? ContextLength { get; set; }

    /// <summary>Threads that compute.</summary>
    /// <value>One on each physical core.</value>
    public int? Threads { get; set; }

    /// <summary>Whether idle compute threads wait actively: faster, but uses the cores.</summary>
    /// <value>true</value>
    public bool AllowSpinning { get; set; } = true;

    /// <summary>Whether the weights move into pages of 2 MiB after loading, where Linux has them to give.</summary>
    /// <value>true</value>
    public bool UseLargePages { get; set; } = true;

    /// <inheritdoc cref="LanguageModelOptions.UseKernels"/>
    public bool UseKernels { get; set; } = true;

    /// <summary>The most sequences in one batch; further requests wait.</summary>
    /// <value>32</value>
    public int MaxBatchSize { get; set; } = 32;

    /// <summary>The most requests that wait; a further one is refused with <see cref="QueueFullException"/>.</summary>
    /// <value>256</value>
    public int QueueCapacity { get; set; } = 256;

    /// <summary>The most bytes of keys and values.</summary>
    /// <value>Half of the memory that is free when the model loads.</value>
    public long? KeyValueCacheBytes { get; set; }

    /// <summary>
    /// The most bytes, within those of <see cref="KeyValueCacheBytes"/>, that keep beginnings of earlier conversations
    /// for requests that begin alike; 0 keeps none.
    /// </summary>
    /// <value>A quarter of <see cref="KeyValueCacheBytes"/>.</value>
    public long? PrefixCacheBytes { get; set; }

    /// <summary>Prompt tokens computed in one step while nothing else runs.</summary>
    /// <value>256</value>
    public int MaxPrefillTokens { get; set; } = 256;

    /// <summary>
    /// Prompt tokens computed in one step while other sequences decode; smaller is smoother for them.
    /// </summary>
    /// <value>64</value>
    public int MaxMixedPrefillTokens { get; set; } = 64;

    /// <summary>Whether tool calls are held to the offered tools: their names and their arguments' schemas.</summary>
    /// <value>true</value>
    /// <remarks>
    /// Text and reasoning stay free; from the tag that opens a call to the one that closes it only an offered tool's
    /// call can come, its arguments in the order of the schema's properties. Where a tool's schema has a keyword that
    /// cannot be guaranteed, its name is held and its arguments may be any JSON object; formats that write arguments
    /// between tags hold strings to no length. <see cref="OnnxChatRequestOptions.GuideToolCalls"/> says otherwise for
    /// one request.
    /// </remarks>
    public bool GuideToolCalls { get; set; } = true;

    /// <summary>
    /// The most tokens to guess ahead from what followed the last ones before, where the request does not say; 0
    /// guesses none.
    /// </summary>
    /// <remarks>
    /// Faster where answers repeat their prompt, such as tool calls, with the same tokens as without;
    /// <see cref="OnnxChatRequestOptions.DraftTokens"/> says otherwise for one request.
    /// </remarks>
    public int DraftTokens { get; set; }

    /// <inheritdoc cref="LanguageModelOptions.DraftModel"/>
    public string? DraftModel { get; set; }

    /// <summary>The LoRA adapter of the package to answer with, where the request names none.</summary>
    /// <value>None: the model alone answers.</value>
    /// <remarks>
    /// <see cref="OnnxChatRequestOptions.Adapter"/> or the entry <c>adapter</c> of a request's additional properties
    /// chooses another one for it. Requests with different adapters are computed together.
    /// </remarks>
    public string? Adapter { get; set; }

    /// <summary>
    /// The logging of the services, where they have one; no property, as configuration would bind it.
    /// </summary>
    internal ILoggerFactory? LoggerFactory;

    internal LanguageModelOptions ToModelOptions() => new()
    {
        ContextLength = ContextLength,
        Threads = Threads,
        AllowSpinning = AllowSpinning,
        UseLargePages = UseLargePages,
        MaxBatchSize = MaxBatchSize,
        QueueCapacity = QueueCapacity,
        KeyValueCacheBytes = KeyValueCacheBytes,
        PrefixCacheBytes = PrefixCacheBytes,
        MaxPrefillTokens = MaxPrefillTokens,
        MaxMixedPrefillTokens = MaxMixedPrefillTokens,
        DraftTokens = DraftTokens,
        DraftModel = DraftModel,
        UseKernels = UseKernels,
        LoggerFactory = LoggerFactory,
    };
}
