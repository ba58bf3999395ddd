using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Turns the parameters of a request into the options of a chat client, each checked.</summary>
internal static class OllamaOptions
{
    private const int MaxStops = 64, MaxAlternatives = 20;

    // One row an option. Others say how Ollama is to run a model ('num_ctx', 'num_gpu', …): models run here as the
    // server was told at its start. They are ignored, as Ollama ignores those that it does not know.
    private static readonly Dictionary<string, Action<ChatOptions, JsonElement, string>> Rows = new()
    {
        ["temperature"] = (options, value, path) => options.Temperature = Number(value, path),
        ["top_p"] = (options, value, path) => options.TopP = OptionsReader.TopP(Number(value, path)),
        ["top_k"] = (options, value, path) => options.TopK = (int)Math.Max(0, Integer(value, path, int.MaxValue)),
        ["min_p"] = (options, value, path) => Add(options, "min_p", Number(value, path)),
        ["typical_p"] = (options, value, path) => Add(options, "typical_p", Number(value, path)),
        ["repeat_penalty"] = (options, value, path) => Add(options, "repetition_penalty", Number(value, path)),
        ["presence_penalty"] = (options, value, path) => options.PresencePenalty = Number(value, path),
        ["frequency_penalty"] = (options, value, path) => options.FrequencyPenalty = Number(value, path),
        ["stop"] = (options, value, path) => options.StopSequences = OptionsReader.Stops(value, path, MaxStops),

        // Below zero: any number of tokens, and any seed.
        ["num_predict"] = (options, value, path) => options.MaxOutputTokens =
            Integer(value, path, int.MaxValue) is > 0 and var tokens ? (int)tokens : null,
        ["seed"] = (options, value, path) => options.Seed =
            Integer(value, path, long.MaxValue) is >= 0 and var seed ? seed : null,
    };

    /// <summary>Reads the options.</summary>
    /// <param name="request">The request.</param>
    /// <param name="adapter">The adapter that the model's name names; null for none.</param>
    /// <exception cref="OpenAIException">A parameter is out of range or is not served.</exception>
    public static ChatOptions Read(OllamaRequest request, string? adapter)
    {
        Require.Absent(!string.IsNullOrEmpty(request.Template), "template", "Packages have templates of their own.");
        Require.InRange(request.TopLogprobs, 0, MaxAlternatives, "top_logprobs");
        var options = new ChatOptions { ResponseFormat = Format(request.Format) };
        if (request.Options.IsGiven())
        {
            if (request.Options.ValueKind != JsonValueKind.Object)
            {
                throw OpenAIException.InvalidType("options", JsonShape.KindOf(request.Options), "an object");
            }

            foreach (var option in request.Options.EnumerateObject())
            {
                if (option.Value.IsGiven() && Rows.TryGetValue(option.Name, out var read))
                {
                    read(options, option.Value, $"options.{option.Name}");
                }
            }
        }

        Think(options, request.Think);
        if (request.Logprobs == true)
        {
            Add(options, "logprobs", true);
            Add(options, "top_logprobs", request.TopLogprobs ?? 0);
        }

        if (adapter is not null)
        {
            Add(options, "adapter", adapter);
        }

        return options;
    }

    private static ChatResponseFormatJson? Format(JsonElement format) => format.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.String when format.GetString() is "" => null,
        JsonValueKind.String when format.GetString() is "json" => ChatResponseFormat.Json,
        JsonValueKind.Object => ChatResponseFormat.ForJsonSchema(format),
        JsonValueKind.String => throw OpenAIException.InvalidValue(
            "format", format.GetString(), "'json' or a JSON schema"),
        _ => throw OpenAIException.InvalidType("format", JsonShape.KindOf(format), "'json' or a JSON schema"),
    };

    private static void Think(ChatOptions options, JsonElement think)
    {
        switch (think.ValueKind)
        {
            case JsonValueKind.Undefined or JsonValueKind.Null:
                return;
            case JsonValueKind.False:
                options.Reasoning = new() { Effort = ReasoningEffort.None };
                return;
            case JsonValueKind.True:
                // As much as the model likes.
                options.Reasoning = new() { Output = ReasoningOutput.Full };
                Add(options, "enable_thinking", true);
                return;
            case JsonValueKind.String:
                options.Reasoning = new()
                {
                    Effort = OptionsReader.Effort(think.GetString(), "think"), Output = ReasoningOutput.Full,
                };
                return;
            default:
                throw OpenAIException.InvalidType(
                    "think", JsonShape.KindOf(think), "a boolean, or one of 'low', 'medium' and 'high'");
        }
    }

    private static void Add(ChatOptions options, string name, object value)
        => (options.AdditionalProperties ??= [])[name] = value;

    private static float Number(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && float.IsFinite(number)
            ? number : throw OpenAIException.InvalidType(path, JsonShape.KindOf(value), "a number");

    // Many callers have no integers and write '128.0'.
    private static long Integer(JsonElement value, string path, long max)
    {
        if (value.ValueKind != JsonValueKind.Number)
        {
            throw OpenAIException.InvalidType(path, JsonShape.KindOf(value), "an integer");
        }

        if (!value.TryGetDecimal(out var number) || Math.Abs(number) > max)
        {
            throw OpenAIException.InvalidValue(path, value.GetRawText(), $"an integer of at most {max}");
        }

        return (long)number;
    }
}
