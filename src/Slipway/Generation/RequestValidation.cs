using System.Globalization;

namespace Slipway.Generation;

/// <summary>
/// Checks a request before it enters the queue, so that nothing fails halfway that could be known before.
/// </summary>
internal static class RequestValidation
{
    public static void Validate(GenerationRequest request, int contextLength, int vocabularySize)
    {
        RequireList("PromptIds", request.PromptIds);
        RequireList("LogitsProcessors", request.LogitsProcessors);
        RequireList("StopSequences", request.StopSequences);
        RequireList("StopTokenIds", request.StopTokenIds);
        ArgumentNullException.ThrowIfNull(request.Sampling, "request.Sampling");
        ValidateIds(request.PromptIds, contextLength, vocabularySize, "request");
        Require(
            request.LogitsProcessors.All(processor => processor is not null),
            "LogitsProcessors holds a null; expected processors. Leave it out.");
        RequireIds("StopTokenIds", request.StopTokenIds, vocabularySize);
        if (request.PromptIds.Count >= contextLength)
        {
            throw new ContextLengthException(
                $"The prompt has '{request.PromptIds.Count}' tokens and fills the context of '{contextLength}', so "
                + "nothing can be generated. Shorten it.",
                "request", request.PromptIds.Count, contextLength);
        }

        Require(
            request.MaxOutputTokens is null or >= 1,
            FormattableString.Invariant(
                $"MaxOutputTokens is '{request.MaxOutputTokens}'; expected at least 1, or null for no limit."));
        Require(request.MinOutputTokens >= 0,
            FormattableString.Invariant(
                $"MinOutputTokens is '{request.MinOutputTokens}'; expected 0 or more."));
        Require(
            request.MaxOutputTokens is null || request.MinOutputTokens <= request.MaxOutputTokens,
            FormattableString.Invariant(
                $"MinOutputTokens is '{request.MinOutputTokens}', above MaxOutputTokens '{request.MaxOutputTokens}'."));
        Require(
            request.NumReturnSequences is >= 1 and <= 64,
            FormattableString.Invariant(
                $"NumReturnSequences is '{request.NumReturnSequences}'; expected from 1 to 64."));
        Require(
            request.NumReturnSequences == 1 || request.LogitsProcessors.Count == 0,
            $"LogitsProcessors has entries and NumReturnSequences is '{request.NumReturnSequences}', but a processor "
            + "follows one answer. Send a request with processors of its own for each.");
        Require(
            request.LogProbabilities is null or (>= 0 and <= 100),
            FormattableString.Invariant(
                $"LogProbabilities is '{request.LogProbabilities}'; expected 0 to 100, or null for none."));
        Require(
            request.DraftTokens is null or (>= 0 and <= LanguageModelOptions.LongestDraft),
            $"DraftTokens is '{request.DraftTokens}'; expected 0 to {LanguageModelOptions.LongestDraft}, or null for "
            + "the model's own.");
        Require(
            request.StopSequences.All(text => !string.IsNullOrEmpty(text)),
            "A stop sequence is empty. Leave it out.");
        Require(
            request.Timeout is not { } timeout || (timeout > TimeSpan.Zero && timeout <= TimeSpan.FromDays(1)),
            $"Timeout is '{request.Timeout}'; expected more than zero and at most a day, or null for no limit.");
        Require(
            request.Guidance is null || !request.IgnoreEndOfSequence,
            "The request has Guidance and IgnoreEndOfSequence, but an answer that its grammar completes must end. "
            + "Leave IgnoreEndOfSequence unset.");
        Validate(request.Sampling, vocabularySize);
    }

    public static void Validate(BeamSearchRequest request, int contextLength, int vocabularySize)
    {
        RequireList("PromptIds", request.PromptIds);
        RequireList("StopTokenIds", request.StopTokenIds);
        Validate(request.ToGeneration(), contextLength, vocabularySize);
        RequireIds("StopTokenIds", request.StopTokenIds, vocabularySize);
        RequireRange("NumBeams", request.NumBeams, 1, 64);
        RequireRange("LengthPenalty", request.LengthPenalty, -32, 32);
        Require(
            request.NumReturnSequences >= 1 && request.NumReturnSequences <= request.NumBeams,
            string.Create(
                CultureInfo.InvariantCulture,
                $"NumReturnSequences is '{request.NumReturnSequences}'; expected from 1 to NumBeams, "
                + $"'{request.NumBeams}'."));
    }

    public static void ValidateAlternatives(int count, string name)
        => Require(count is >= 0 and <= 100, $"The number of alternatives is '{count}'; expected 0 to 100.", name);

    public static void ValidateIds(IReadOnlyList<int> ids, int contextLength, int vocabularySize, string name)
    {
        ArgumentNullException.ThrowIfNull(ids, name);
        Require(ids.Count > 0, "The prompt is empty. Give at least one token, for example the one that begins a text.",
            name);
        if (ids.Count > contextLength)
        {
            throw new ContextLengthException(
                $"The prompt has '{ids.Count}' tokens; the context holds '{contextLength}'. Shorten it, or load the "
                + "model with a longer context if the package and the memory allow.",
                name, ids.Count, contextLength);
        }

        for (var i = 0; i < ids.Count; i++)
        {
            Require(
                (uint)ids[i] < (uint)vocabularySize,
                $"Token id '{ids[i]}' at position '{i}' is outside the vocabulary of '{vocabularySize}' entries. "
                + "Encode the text with the package's own tokenizer.",
                name);
        }
    }

    private static void Validate(SamplingOptions sampling, int vocabularySize)
    {
        RequireRange("Temperature", sampling.Temperature, 0, 1e4);
        RequireRange("TopK", sampling.TopK, 0, int.MaxValue);
        RequireRange("TopP", sampling.TopP, 0, 1);
        RequireRange("MinP", sampling.MinP, 0, 1);
        RequireRange("TypicalP", sampling.TypicalP, 0, 1);
        RequireRange("EpsilonCutoff", sampling.EpsilonCutoff, 0, 1);
        RequireRange("EtaCutoff", sampling.EtaCutoff, 0, 1);
        RequireRange("RepetitionPenalty", sampling.RepetitionPenalty, 1e-3, 1e3);
        RequireRange("PresencePenalty", sampling.PresencePenalty, -100, 100);
        RequireRange("FrequencyPenalty", sampling.FrequencyPenalty, -100, 100);
        RequireRange("DryMultiplier", sampling.DryMultiplier, 0, 1e3);
        RequireRange("DryBase", sampling.DryBase, 1, 100);
        RequireRange("DryAllowedLength", sampling.DryAllowedLength, 1, int.MaxValue);
        RequireRange("XtcProbability", sampling.XtcProbability, 0, 1);
        RequireRange("XtcThreshold", sampling.XtcThreshold, 1e-6, 1);
        RequireRange("MirostatTarget", sampling.MirostatTarget, 0, 64);
        RequireRange("MirostatRate", sampling.MirostatRate, 0, 1);
        RequireRange("NoRepeatNgramSize", sampling.NoRepeatNgramSize, 0, int.MaxValue);
        RequireList("BadWords", sampling.BadWords);
        RequireList("DrySequenceBreakers", sampling.DrySequenceBreakers);
        foreach (var word in sampling.BadWords)
        {
            Require(word is { Count: > 0 }, "An entry of BadWords is null or empty. Leave it out.");
            RequireIds("BadWords", word, vocabularySize);
        }

        RequireIds("LogitBias", sampling.LogitBias?.Keys ?? [], vocabularySize);
        foreach (var (id, bias) in sampling.LogitBias ?? new Dictionary<int, float>())
        {
            Require(
                float.IsFinite(bias),
                FormattableString.Invariant($"LogitBias of token id '{id}' is '{bias}'; expected a finite number.")
                + " To forbid a token, add it to BadWords.");
        }
    }

    private static void RequireList<T>(string name, IReadOnlyCollection<T>? list)
        => ArgumentNullException.ThrowIfNull(list, $"request.{name}");

    private static void RequireIds(string name, IEnumerable<int> ids, int vocabularySize)
    {
        foreach (var id in ids)
        {
            Require(
                (uint)id < (uint)vocabularySize,
                $"Token id '{id}' in {name} is outside the vocabulary of '{vocabularySize}' entries.");
        }
    }

    private static void RequireRange(string name, double value, double min, double max)
        => Require(value >= min
        && value <= max, FormattableString.Invariant($"{name} is '{value}'; expected from {min} to {max}."));

    private static void Require(bool condition, string message, string name = "request")
    {
        if (!condition)
        {
            throw new ArgumentException(message, name);
        }
    }
}
