/// <summary>Says what every contender answers.</summary>
/// <param name="Threads">Threads that compute.</param>
/// <param name="PromptTokens">Tokens of each prompt.</param>
/// <param name="NewTokens">Tokens that each stream generates.</param>
internal sealed record Workload(int Threads, int PromptTokens, int NewTokens)
{
    /// <summary>Tokens that a stream may come to hold.</summary>
    public int Length => PromptTokens + NewTokens + 1;

    /// <summary>Draws prompts of random tokens.</summary>
    public int[][] Prompts(int streams, int vocabularySize, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, streams).Select(
            _ => Enumerable.Range(0, PromptTokens).Select(_ => random.Next(vocabularySize)).ToArray())];
    }

    /// <summary>Makes rates of the seconds that a static batch took.</summary>
    public Rates Rates(int streams, double prefillSeconds, double decodeSeconds)
        => new(streams * PromptTokens / prefillSeconds, streams * NewTokens / decodeSeconds);
}

/// <summary>Holds tokens a second of all streams together.</summary>
internal sealed record Rates(double Prefill, double Decode);

/// <summary>Generates greedily, as one library does it.</summary>
internal interface IContender
{
    string Name { get; }

    /// <summary>Measures each number of streams, with a model that is opened for it and closed again.</summary>
    /// <remarks>
    /// The plain loop of the same package comes as zero streams, where the contender has one.
    /// </remarks>
    Task<IReadOnlyDictionary<int, Rates>> MeasureAsync(Workload workload, IReadOnlyList<int> streams, int seed);

    /// <summary>Gives the perplexity of windows of tokens; each window's first token is not predicted.</summary>
    Task<double> PerplexityAsync(IReadOnlyList<int[]> windows, int threads);
}
