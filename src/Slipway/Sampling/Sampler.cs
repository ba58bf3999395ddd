using System.Numerics.Tensors;
using Slipway.Sampling.Processors;

namespace Slipway.Sampling;

/// <summary>Chooses one sequence's tokens: a list of processors, then the most probable token or a draw.</summary>
internal sealed class Sampler
{
    private readonly ILogitsProcessor[] _processors;
    private readonly RandomSource? _random;
    private readonly int? _logProbabilities;
    private float[] _scratch = [];

    /// <param name="processors">Applied in order.</param>
    /// <param name="random">Where draws come from; null takes the most probable token.</param>
    /// <param name="logProbabilities">How many alternatives to tell; null for no log-probabilities at all.</param>
    public Sampler(IEnumerable<ILogitsProcessor> processors, RandomSource? random, int? logProbabilities)
    {
        _processors = [.. processors];
        _random = random;
        _logProbabilities = logProbabilities;
    }

    public SampledToken Choose(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, ReadOnlySpan<float> logits)
    {
        var id = _processors.Length == 0 && _random is null
            ? TensorPrimitives.IndexOfMax(logits)
            : ChooseProcessed(promptIds, outputIds, logits);
        ThrowIfNotANumber(logits[id], outputIds.Length);
        if (_logProbabilities is not { } count)
        {
            return new SampledToken(id, null, []);
        }

        var normalizer = Softmax.LogSumExp(logits);
        return new SampledToken(id, (float)(logits[id] - normalizer), LogProbabilities.Top(logits, normalizer, count));
    }

    /// <summary>
    /// The tokens that a constraint leaves no choice about; none where log-probabilities of each are asked for.
    /// </summary>
    public IReadOnlyList<int> Forced(ReadOnlySpan<int> outputIds)
    {
        // What follows the surprise of each token must see each chosen.
        if (_logProbabilities is not null || _processors.Any(processor => processor is MirostatProcessor))
        {
            return [];
        }

        return _processors.OfType<IConstraint>().ToArray() is [var constraint] ? constraint.Forced(outputIds) : [];
    }

    private int ChooseProcessed(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, ReadOnlySpan<float> logits)
    {
        if (_scratch.Length != logits.Length)
        {
            _scratch = new float[logits.Length];
        }

        logits.CopyTo(_scratch);
        foreach (var processor in _processors)
        {
            processor.Process(promptIds, outputIds, _scratch);
        }

        var best = TensorPrimitives.IndexOfMax<float>(_scratch);
        if (float.IsNegativeInfinity(_scratch[best]) && _processors.Any(processor => processor is IConstraint))
        {
            // A ban, such as of a repetition, must not break a form that leaves no other token.
            logits.CopyTo(_scratch);
            foreach (var processor in _processors.OfType<IConstraint>())
            {
                processor.Process(promptIds, outputIds, _scratch);
            }

            best = TensorPrimitives.IndexOfMax<float>(_scratch);
        }

        ThrowIfNotANumber(_scratch[best], outputIds.Length);
        if (float.IsNegativeInfinity(_scratch[best]))
        {
            throw new InvalidOperationException(
                $"After {_processors.Length} logits processors no token is left to choose at output position "
                + $"'{outputIds.Length}'. Relax the bad words, the logit bias or the processors of the request.");
        }

        return _random is null ? best : Draw(_scratch, _random.NextDouble());
    }

    private static void ThrowIfNotANumber(float logit, int position)
    {
        if (float.IsNaN(logit))
        {
            throw new InvalidOperationException(
                $"Logits at output position '{position}' are not numbers (NaN). Either a logits processor of the "
                + "request wrote them, or the model's arithmetic left its range: export the package in another "
                + "precision.");
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
