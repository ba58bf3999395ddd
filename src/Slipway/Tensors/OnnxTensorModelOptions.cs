namespace Slipway;

/// <summary>Says how a graph is run and what it may use.</summary>
public sealed record OnnxTensorModelOptions
{
    /// <summary>Threads that compute.</summary>
    /// <value>One on each physical core.</value>
    public int? Threads { get; init; }

    /// <summary>Tells whether idle compute threads wait actively: faster, but uses the cores.</summary>
    /// <value>false</value>
    public bool AllowSpinning { get; init; }

    /// <summary>
    /// The most rows that requests of <see cref="OnnxTensorModel.RunAsync"/> are computed in together; 1 computes each
    /// alone.
    /// </summary>
    /// <remarks>
    /// Above 1 the first axis of every input and output must be one size, and no row of the module may look at another:
    /// the graph cannot tell that.
    /// </remarks>
    /// <value>1</value>
    public int MaxBatchRows { get; init; } = 1;

    /// <inheritdoc cref="LanguageModelOptions.ExecutionProviders"/>
    public IReadOnlyList<string>? ExecutionProviders { get; init; }

    /// <inheritdoc cref="LanguageModelOptions.ExecutionProviderOptions"/>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>? ExecutionProviderOptions { get; init; }

    internal LanguageModelOptions ToModelOptions() => new()
    {
        Threads = Threads,
        AllowSpinning = AllowSpinning,
        UseLargePages = false,
        ExecutionProviders = ExecutionProviders,
        ExecutionProviderOptions = ExecutionProviderOptions,
    };
}
