namespace Slipway.Reranking;

/// <summary>A model that scores pairs of a query and a passage. Safe for concurrent use.</summary>
internal interface IPairScorer : IDisposable
{
    /// <summary>Tells whether scores are the sigmoid of the logits; else they are the logits.</summary>
    bool IsSigmoid { get; }

    /// <summary>Computes a logit for each pair, in their order.</summary>
    Task<float[]> ScoreAsync(
        IReadOnlyList<(string Query, string Passage)> pairs, CancellationToken cancellationToken);
}
