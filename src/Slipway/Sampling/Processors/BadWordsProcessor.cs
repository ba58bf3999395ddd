namespace Slipway.Sampling.Processors;

/// <summary>Forbids the last token of each listed sequence where the tokens before it have just come up.</summary>
internal sealed class BadWordsProcessor(IReadOnlyList<IReadOnlyList<int>> words) : ILogitsProcessor
{
    private readonly int[][] _words = [.. words.Select(word => word.ToArray())];

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        foreach (var word in _words)
        {
            if (EndsWith(promptIds, outputIds, word.AsSpan(0, word.Length - 1)))
            {
                logits[word[^1]] = float.NegativeInfinity;
            }
        }
    }

    private static bool EndsWith(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, ReadOnlySpan<int> tail)
    {
        if (tail.Length <= outputIds.Length)
        {
            return outputIds.EndsWith(tail);
        }

        var inPrompt = tail.Length - outputIds.Length;
        return promptIds.EndsWith(tail[..inPrompt]) && outputIds.SequenceEqual(tail[inPrompt..]);
    }
}
