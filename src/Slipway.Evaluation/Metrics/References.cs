namespace Slipway.Evaluation.Metrics;

/// <summary>Checks lists that are scored against each other.</summary>
internal static class References
{
    /// <summary>Refuses an empty list of references.</summary>
    public static IReadOnlyList<string> Checked(IReadOnlyList<string> references)
    {
        ArgumentNullException.ThrowIfNull(references);
        return references.Count > 0
            ? references
            : throw new ArgumentException("There is no reference; expected at least one.", nameof(references));
    }

    /// <summary>Refuses lists of different lengths, and empty ones.</summary>
    public static void CheckPairs<TPrediction, TReference>(
        IReadOnlyList<TPrediction> predictions, IReadOnlyList<TReference> references)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(references);
        if (predictions.Count != references.Count || predictions.Count == 0)
        {
            throw new ArgumentException(
                $"There are {predictions.Count} predictions and {references.Count} references; expected as many of the "
                + "one as of the other, and at least one.",
                nameof(predictions));
        }
    }
}
