using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Slipway.Packaging;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Continues texts as they are, without a template: <c>"raw": true</c> of <c>POST /api/generate</c>.</summary>
internal static class OllamaRaw
{
    /// <summary>Continues a text; control tokens that it spells are such tokens.</summary>
    /// <param name="engine">The model.</param>
    /// <param name="folder">The package, which says how it samples unless told; null where there is none.</param>
    /// <param name="prompt">The text.</param>
    /// <param name="options">What <see cref="OllamaOptions"/> read.</param>
    /// <param name="cancellationToken">Ends the answer.</param>
    public static async IAsyncEnumerable<ChatResponseUpdate> ContinueAsync(
        LanguageModel engine, string? folder, string prompt, ChatOptions options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = RequestOf(options, folder) with
        {
            PromptIds = engine.Tokenizer.Encode(prompt, addSpecialTokens: true),
        };
        await foreach (var token in engine.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            var update = new ChatResponseUpdate(ChatRole.Assistant, token.Text)
            {
                RawRepresentation = new[] { token },
                FinishReason = token.FinishReason switch
                {
                    null => null,
                    FinishReason.Length => ChatFinishReason.Length,
                    _ => ChatFinishReason.Stop,
                },
            };
            if (token.Usage is { } usage)
            {
                update.Contents.Add(new UsageContent(new()
                {
                    InputTokenCount = usage.PromptTokens, OutputTokenCount = usage.OutputTokens,
                }));
            }

            yield return update;
        }
    }

    private static GenerationRequest RequestOf(ChatOptions options, string? folder)
    {
        var search = folder is null ? null : ModelPackage.Open(folder, PackageVerification.Sizes).Config.Search;
        var samples = search?.DoSample == true;
        var extra = options.AdditionalProperties ?? [];
        return new GenerationRequest
        {
            PromptIds = [],
            MaxOutputTokens = options.MaxOutputTokens,
            StopSequences = [.. options.StopSequences ?? []],
            LogProbabilities = extra.TryGetValue("top_logprobs", out int count) ? count : null,
            Adapter = extra.TryGetValue("adapter", out string? adapter) ? adapter : null,
            Guidance = options.ResponseFormat is not ChatResponseFormatJson format ? null
                : GuidanceGrammar.JsonSchema(format.Schema?.GetRawText() ?? """{"type": "object"}"""),
            Sampling = new SamplingOptions
            {
                Temperature = options.Temperature ?? (samples ? search!.Temperature : 0),
                TopK = options.TopK ?? (samples ? search!.TopK : 0),
                TopP = options.TopP ?? (samples ? search!.TopP : 1),
                MinP = Number("min_p", 0),
                TypicalP = Number("typical_p", 1),
                RepetitionPenalty = Number("repetition_penalty", search?.RepetitionPenalty ?? 1),
                PresencePenalty = options.PresencePenalty ?? 0,
                FrequencyPenalty = options.FrequencyPenalty ?? 0,
                Seed = options.Seed,
            },
        };

        double Number(string name, double otherwise) => extra.TryGetValue(name, out float number) ? number : otherwise;
    }
}
