using System.Numerics.Tensors;
using Slipway.Guidance;
using Slipway.Sampling.Processors;

namespace Slipway.Sampling;

/// <summary>Chooses one sequence's tokens: a list of processors, then the most probable token or a draw.</summary>
internal sealed class TokenChooser
{
    private readonly ILogitsProcessor[] processors;
    private readonly RandomSource? random;
    private readonly int? logProbabilities;
    private float[] scratch = [];

    /// <param name="processors">Applied in order.</param>
    /// <param name="random">Where draws come from; null takes the most probable token.</param>
    /// <param name="logProbabilities">How many alternatives to tell; null for no log-probabilities at all.</param>
    public TokenChooser(IEnumerable<ILogitsProcessor> processors, RandomSource? random, int? logProbabilities)
    {
        this.processors = [.. processors];
        this.random = random;
        this.logProbabilities = logProbabilities;
    }

    public TokenChoice Choose(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, ReadOnlySpan<float> logits)
    {
        var id = processors.Length == 0 && random is null
            ? TensorPrimitives.IndexOfMax(logits)
            : ChooseProcessed(promptIds, outputIds, logits);
        ThrowIfNotANumber(logits[id], outputIds.Length);
        if (logProbabilities is not { } count)
        {
            return new TokenChoice(id, null, []);
        }

        var normalizer = Softmax.LogSumExp(logits);
        return new TokenChoice(id, (float)(logits[id] - normalizer), LogProbabilities.Top(logits, normalizer, count));
    }

    /// <summary>The tokens that guidance leaves no choice about; none where log-probabilities of each are asked for.</summary>
    public IReadOnlyList<int> Forced(ReadOnlySpan<int> outputIds)
    {
        // What follows the surprise of each token must see each chosen.
        if (logProbabilities is not null || processors.Any(processor => processor is MirostatProcessor))
        {
            return [];
        }

        return processors.OfType<IGuidance>().ToArray() is [var guidance] ? guidance.Forced(outputIds) : [];
    }

    private int ChooseProcessed(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, ReadOnlySpan<float> logits)
    {
        if (scratch.Length != logits.Length)
        {
            scratch = new float[logits.Length];
        }

        logits.CopyTo(scratch);
        foreach (var processor in processors)
        {
            processor.Process(promptIds, outputIds, scratch);
        }

        var best = TensorPrimitives.IndexOfMax<float>(scratch);
        if (float.IsNegativeInfinity(scratch[best]) && processors.Any(processor => processor is IGuidance))
        {
            // A ban, such as of a repetition, must not break a form that leaves no other token.
            logits.CopyTo(scratch);
            foreach (var processor in processors.OfType<IGuidance>())
            {
                processor.Process(promptIds, outputIds, scratch);
            }

            best = TensorPrimitives.IndexOfMax<float>(scratch);
        }

        ThrowIfNotANumber(scratch[best], outputIds.Length);
        if (float.IsNegativeInfinity(scratch[best]))
        {
            throw new InvalidOperationException(
                $"After {processors.Length} logits processors no token is left to choose at output position "
                + $"'{outputIds.Length}'. Relax the bad words, the logit bias or the processors of the request.");
        }

        return random is null ? best : Draw(scratch, random.NextDouble());
    }

    private static void ThrowIfNotANumber(float logit, int position)
    {
        if (float.IsNaN(logit))
        {
            throw new InvalidOperationException(
                $"Logits at output position '{position}' are not numbers (NaN). Either a logits processor of the request wrote "
                + "them, or the model's arithmetic left its range: export the package in another precision.");
        }
    }

    private static int Draw(Span<float> logits, double uniform)
    {
        Softmax.Probabilities(logits, logits);
        var left = uniform * TensorPrimitives.Sum<float>(logits);
        var last = 0;
        for (var id = 0; id < logits.Length; id++)
        {
            if (logits[id] > 0)
            {
                last = id;
                left -= logits[id];
                if (left < 0)
                {
                    return id;
                }
            }
        }

        return last;
    }
}
