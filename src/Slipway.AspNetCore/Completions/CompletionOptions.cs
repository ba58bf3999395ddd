using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Completions;

/// <summary>Turns the parameters of a request into one of the engine, each checked.</summary>
internal static class CompletionOptions
{
    private const int MaxStops = 4, MaxAnswers = 128, MaxAlternatives = 5, DefaultMaxTokens = 16;

    /// <summary>Reads what all prompts have in common; the ids come later.</summary>
    /// <param name="request">The request.</param>
    /// <param name="adapter">The adapter that the model's name names; null for none.</param>
    /// <exception cref="OpenAIException">A parameter is out of range or is not served.</exception>
    public static GenerationRequest Read(CompletionRequest request, string? adapter)
    {
        Check(request);
        return new GenerationRequest
        {
            PromptIds = [],
            MaxOutputTokens = request.MaxTokens ?? DefaultMaxTokens,
            MinOutputTokens = request.MinTokens ?? 0,
            StopSequences = OptionsReader.Stops(request.Stop, "stop", MaxStops) ?? [],
            StopTokenIds = request.StopTokenIds ?? [],
            IgnoreEndOfSequence = request.IgnoreEos ?? false,
            LogProbabilities = request.Logprobs,
            Adapter = adapter,
            Guidance = Guidance(request),
            Sampling = new SamplingOptions
            {
                Temperature = request.Temperature ?? 1,
                TopP = request.TopP ?? 1,
                TopK = request.TopK ?? 0,
                MinP = request.MinP ?? 0,
                RepetitionPenalty = request.RepetitionPenalty ?? 1,
                PresencePenalty = request.PresencePenalty ?? 0,
                FrequencyPenalty = request.FrequencyPenalty ?? 0,
                LogitBias = LogitBias.Read(request.LogitBias),
                Seed = request.Seed,
            },
        };
    }

    private static void Check(CompletionRequest request)
    {
        Require.Absent(request.Suffix is not null, "suffix", "The models here continue texts and fill no gaps.");
        Require.InRange(request.Temperature, 0, 2, "temperature");
        Require.InRange(request.TopP, 0, 1, "top_p");
        Require.InRange(request.MaxTokens, 0, int.MaxValue, "max_tokens");
        Require.InRange(request.N, 1, MaxAnswers, "n");
        Require.InRange(request.Logprobs, 0, MaxAlternatives, "logprobs");
        Require.InRange(request.PresencePenalty, -2, 2, "presence_penalty");
        Require.InRange(request.FrequencyPenalty, -2, 2, "frequency_penalty");
        if (request.BestOf is { } best && best != (request.N ?? 1))
        {
            throw OpenAIException.Unsupported(
                "best_of", $"'best_of' is '{best}'; expected the same as 'n'. Choose among the answers yourself.");
        }

        if (request.StreamOptions is not null && request.Stream != true)
        {
            throw new OpenAIException(
                400, "'stream_options' is only taken with 'stream' set.", "stream_options",
                "invalid_parameter_combination");
        }

        if (request.MaxTokens == 0 && request.Echo != true)
        {
            throw new OpenAIException(
                400, "'max_tokens' is '0', which is only taken with 'echo' set.", "max_tokens",
                "integer_below_min_value");
        }
    }

    private static GuidanceGrammar? Guidance(CompletionRequest request)
    {
        GuidanceGrammar?[] given =
        [
            request.GuidedRegex is { } pattern ? GuidanceGrammar.Regex(pattern) : null,
            request.GuidedChoice is { } choices ? GuidanceGrammar.Choice(choices) : null,
            request.GuidedGrammar is { } grammar ? GuidanceGrammar.Gbnf(grammar) : null,
            request.GuidedJson.IsGiven()
                ? GuidanceGrammar.JsonSchema(request.GuidedJson.GetRawText()) : null,
        ];
        return given.Count(grammar => grammar is not null) <= 1
            ? Array.Find(given, grammar => grammar is not null)
            : throw new OpenAIException(
                400, "The request has several of 'guided_regex', 'guided_choice', 'guided_grammar' and 'guided_json'; "
                + "an answer can be held to one.",
                "guided_json", "invalid_parameter_combination");
    }
}
