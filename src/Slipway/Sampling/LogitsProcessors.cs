using Slipway.Sampling.Processors;

namespace Slipway.Sampling;

/// <summary>Lists the processors that sampling options ask for, in their order.</summary>
internal static class LogitsProcessors
{
    /// <param name="sampling">The options.</param>
    /// <param name="minLength">The tokens before an answer may end by itself.</param>
    /// <param name="endIds">The tokens that end it.</param>
    /// <param name="seed">Where draws of the processors' own come from.</param>
    public static IEnumerable<ILogitsProcessor> For(
        SamplingOptions sampling, int minLength = 0, IReadOnlyCollection<int>? endIds = null, long seed = 0)
    {
        (bool Used, Func<ILogitsProcessor> Create)[] table =
        [
            (sampling.LogitBias is { Count: > 0 }, () => new LogitBiasProcessor(sampling.LogitBias!)),
            (sampling.RepetitionPenalty is not 1, () => new RepetitionPenaltyProcessor(sampling.RepetitionPenalty)),
            (sampling.PresencePenalty is not 0 || sampling.FrequencyPenalty is not 0,
                () => new OccurrencePenaltyProcessor(sampling.PresencePenalty, sampling.FrequencyPenalty)),
            (sampling.DryMultiplier > 0, () => new DryProcessor(
                sampling.DryMultiplier, sampling.DryBase, sampling.DryAllowedLength,
                [.. sampling.DrySequenceBreakers])),
            (sampling.NoRepeatNgramSize > 0, () => new NoRepeatNgramProcessor(sampling.NoRepeatNgramSize)),
            (sampling.BadWords.Count > 0, () => new BadWordsProcessor(sampling.BadWords)),
            (minLength > 0, () => new MinLengthProcessor(minLength, endIds ?? [])),
        ];
        (bool Used, Func<ILogitsProcessor> Create)[] drawing =
        [
            (sampling.Temperature is not 1, () => new TemperatureProcessor(sampling.Temperature)),
            (sampling.TopK > 0, () => new TopKProcessor(sampling.TopK)),
            (sampling.TopP < 1, () => new TopPProcessor(sampling.TopP)),
            (sampling.MinP > 0, () => new MinPProcessor(sampling.MinP)),
            (sampling.TypicalP < 1, () => new TypicalPProcessor(sampling.TypicalP)),
            (sampling.EpsilonCutoff > 0, () => new EpsilonEtaProcessor(sampling.EpsilonCutoff, followsEntropy: false)),
            (sampling.EtaCutoff > 0, () => new EpsilonEtaProcessor(sampling.EtaCutoff, followsEntropy: true)),
            (sampling.XtcProbability > 0, () => new XtcProcessor(
                sampling.XtcProbability, sampling.XtcThreshold, new RandomSource(~seed))),
            (sampling.MirostatTarget > 0, () => new MirostatProcessor(sampling.MirostatTarget, sampling.MirostatRate)),
        ];

        // What only narrows the draw cannot change the most probable token.
        var all = sampling.Temperature > 0 ? table.Concat(drawing) : table;
        return all.Where(row => row.Used).Select(row => row.Create());
    }
}
