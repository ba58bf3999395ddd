using System.Buffers;

namespace Slipway.Sampling.Processors;

/// <summary>Keeps the most probable tokens that together reach a probability (nucleus sampling).</summary>
/// <remarks>Source: Holtzman et al., "The curious case of neural text degeneration", 2019.</remarks>
internal sealed class TopPProcessor(double mass) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        var rented = ArrayPool<float>.Shared.Rent(logits.Length);
        var probabilities = rented.AsSpan(0, logits.Length);
        Softmax.Probabilities(logits, probabilities);

        // All tokens below this share together weigh less than 1 - mass, so none of them is kept.
        var floor = (1 - mass) / logits.Length;
        var candidates = new List<(float Probability, int Id)>();
        for (var id = 0; id < probabilities.Length; id++)
        {
            if (probabilities[id] >= floor)
            {
                candidates.Add((probabilities[id], id));
            }
        }

        // Of equal ones the first come first, whatever the sort does.
        candidates.Sort((x, y) => (y.Probability, x.Id).CompareTo((x.Probability, y.Id)));
        var before = 0.0;
        var kept = 0;
        while (kept < candidates.Count && (kept == 0 || before < mass))
        {
            before += candidates[kept++].Probability;
        }

        Keep(logits, candidates, kept);
        ArrayPool<float>.Shared.Return(rented);
    }

    private static void Keep(Span<float> logits, List<(float Probability, int Id)> candidates, int kept)
    {
        var values = new float[kept];
        for (var i = 0; i < kept; i++)
        {
            values[i] = logits[candidates[i].Id];
        }

        logits.Fill(float.NegativeInfinity);
        for (var i = 0; i < kept; i++)
        {
            logits[candidates[i].Id] = values[i];
        }
    }
}
