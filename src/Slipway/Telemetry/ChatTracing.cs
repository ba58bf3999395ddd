using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Slipway.Telemetry;

/// <summary>Records chat requests as spans by OpenTelemetry's conventions for generative AI, no content.</summary>
internal static class ChatTracing
{
    private const string Operation = "chat";

    /// <summary>Passes updates on and records what they tell; without a listener it only passes them on.</summary>
    /// <param name="updates">The updates of one answer.</param>
    /// <param name="modelId">The model's name.</param>
    /// <param name="options">What the request asked for.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public static async IAsyncEnumerable<ChatResponseUpdate> TraceAsync(
        IAsyncEnumerable<ChatResponseUpdate> updates,
        string modelId,
        ChatOptions? options,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var activity = IsTracedAlready() ? null : SlipwayTelemetry.Begin(Operation, modelId);
        Describe(activity, options);
        await using var enumerator = updates.GetAsyncEnumerator(cancellationToken);
        while (await MoveNextAsync(enumerator, activity).ConfigureAwait(false))
        {
            Describe(activity, enumerator.Current);
            yield return enumerator.Current;
        }
    }

    // The pipeline's own span says the same of this request.
    private static bool IsTracedAlready()
        => Activity.Current is { } current
            && current.Source.Name != SlipwayTelemetry.ActivitySourceName
            && (string?)current.GetTagItem("gen_ai.operation.name") == Operation;

    private static async ValueTask<bool> MoveNextAsync(
        IAsyncEnumerator<ChatResponseUpdate> enumerator, Activity? activity)
    {
        try
        {
            return await enumerator.MoveNextAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message).SetTag("error.type", e.GetType().FullName);
            throw;
        }
    }

    private static void Describe(Activity? activity, ChatOptions? options)
    {
        if (activity is null || options is null)
        {
            return;
        }

        Set("gen_ai.request.temperature", options.Temperature);
        Set("gen_ai.request.top_p", options.TopP);
        Set("gen_ai.request.top_k", options.TopK);
        Set("gen_ai.request.max_tokens", options.MaxOutputTokens);
        Set("gen_ai.request.seed", options.Seed);
        Set("gen_ai.request.frequency_penalty", options.FrequencyPenalty);
        Set("gen_ai.request.presence_penalty", options.PresencePenalty);
        Set("gen_ai.output.type", options.ResponseFormat switch
        {
            ChatResponseFormatJson => "json",
            ChatResponseFormatText => "text",
            _ => null,
        });

        void Set(string name, object? value)
        {
            if (value is not null)
            {
                activity.SetTag(name, value);
            }
        }
    }

    private static void Describe(Activity? activity, ChatResponseUpdate update)
    {
        if (activity is null || update.FinishReason is not { } reason)
        {
            return;
        }

        activity.SetTag("gen_ai.response.id", update.ResponseId)
            .SetTag("gen_ai.response.model", update.ModelId)
            .SetTag("gen_ai.response.finish_reasons", new[] { reason.Value });
        if (update.Contents.OfType<UsageContent>().FirstOrDefault() is { Details: var usage })
        {
            activity.SetTag("gen_ai.usage.input_tokens", usage.InputTokenCount)
                .SetTag("gen_ai.usage.output_tokens", usage.OutputTokenCount)
                .SetTag("gen_ai.usage.cache_read.input_tokens", usage.CachedInputTokenCount)
                .SetTag("gen_ai.usage.reasoning.output_tokens", usage.ReasoningTokenCount);
        }
    }
}
