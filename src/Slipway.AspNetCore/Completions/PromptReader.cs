using System.Text.Json;
using Slipway.AspNetCore.Protocol;
using Slipway.Tokenization;

namespace Slipway.AspNetCore.Completions;

/// <summary>Reads prompts: a text, ids of tokens, or several of either.</summary>
internal static class PromptReader
{
    private const int MaxPrompts = 2048;

    /// <summary>Reads the ids of each prompt.</summary>
    /// <exception cref="OpenAIException">The prompt has another form.</exception>
    public static IReadOnlyList<int[]> Read(JsonElement prompt, HuggingFaceTokenizer tokenizer, string path)
    {
        switch (prompt.ValueKind)
        {
            case JsonValueKind.String:
                return [tokenizer.Encode(prompt.GetString()!, addSpecialTokens: true)];
            case JsonValueKind.Array when prompt.GetArrayLength() > 0 && prompt[0].ValueKind == JsonValueKind.Number:
                return [Ids(prompt, path)];
            case JsonValueKind.Array:
                Require.Count(prompt.GetArrayLength(), 1, MaxPrompts, path);
                return [.. prompt.EnumerateArray().Select((item, index) => item.ValueKind switch
                {
                    JsonValueKind.String => tokenizer.Encode(item.GetString()!, addSpecialTokens: true),
                    JsonValueKind.Array => Ids(item, $"{path}[{index}]"),
                    _ => throw OpenAIException.InvalidType(
                        $"{path}[{index}]", JsonShape.KindOf(item), "a string or an array of integers"),
                })];
            default:
                throw OpenAIException.InvalidType(
                    path, JsonShape.KindOf(prompt), "a string, an array of integers, or an array of either");
        }
    }

    private static int[] Ids(JsonElement ids, string path)
        => [.. ids.EnumerateArray().Select((id, index)
            => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var value)
            ? value
            : throw OpenAIException.InvalidType($"{path}[{index}]", JsonShape.KindOf(id), "an integer"))];
}
