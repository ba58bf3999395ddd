using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>Rewrites Mistral's <c>tekken.json</c> as a <c>tokenizer.json</c>.</summary>
/// <remarks>
/// Ranks as tiktoken's, behind a row of special tokens, so that a token's id is its rank and their number. Ids of the
/// row without a token of their own are <c>&lt;SPECIAL_id&gt;</c>. Source: <c>Tekkenizer</c> of mistral-common.
/// </remarks>
internal static class TekkenFile
{
    public const string Name = "tekken.json";

    // Files up to the version v7 may list none.
    private static readonly string?[] EarlySpecial =
    [
        "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]",
        "[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
    ];

    public static JsonObject ToJson(string path, TokenizerSettings settings)
    {
        JsonObject? json = null;
        JsonFile.Read(path, root => json = Convert(root, settings));
        return json!;
    }

    private static JsonObject Convert(Section root, TokenizerSettings settings)
    {
        var config = root["config"].Require(JsonValueKind.Object);
        int count = config.Int("default_num_special_tokens"), size = config.Int("default_vocab_size");
        if (count < 0 || size <= count || size > VocabularyReader.MaximumId)
        {
            throw root.Error(
                $"'config' has {count} special tokens and {size} tokens in all; expected fewer special ones, and at "
                + $"most {VocabularyReader.MaximumId} in all.");
        }

        var special = Special(root, count);
        var ids = special.Index().ToDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);
        (string, int)? Find(string key, string missing) => TokenizerJson.Find(settings.Token(key) ?? missing, ids);
        return new JsonObject
        {
            ["added_tokens"] = TokenizerJson.AddedTokens(special, ids),
            ["pre_tokenizer"] = TokenizerJson.PreTokenizer(config.String("pattern"), addPrefixSpace: false),
            ["post_processor"] = TokenizerJson.Surround(
                settings.Flag("add_bos_token") ?? true ? Find("bos_token", "<s>") : null,
                settings.Flag("add_eos_token") ?? false ? Find("eos_token", "</s>") : null),
            ["decoder"] = TokenizerJson.ByteLevel(addPrefixSpace: false, useRegex: false),
            ["model"] = new JsonObject { ["type"] = "RankedBPE", ["vocab"] = Vocabulary(root, count, size) },
        };
    }

    private static string[] Special(Section root, int count)
    {
        var special = new string?[count];
        if (root["special_tokens"] is { IsNull: false } list)
        {
            foreach (var token in list.Items())
            {
                var rank = token.Int("rank");
                special[rank >= 0 && rank < count ? rank : throw token.Error(
                    $"'{token.Path}' has the rank {rank}; expected one below the {count} of special tokens.")] =
                    token.String("token_str");
            }
        }
        else
        {
            EarlySpecial.AsSpan(0, Math.Min(count, EarlySpecial.Length)).CopyTo(special);
        }

        string[] names = [.. special.Select((token, id) => token ?? $"<SPECIAL_{id}>")];
        return names.Distinct(StringComparer.Ordinal).Count() == count ? names
            : throw root.Error("'special_tokens' holds a token twice.");
    }

    // The file holds more tokens than the model has.
    private static JsonObject Vocabulary(Section root, int first, int size)
    {
        JsonObject vocabulary = [];
        var bytes = 0;
        foreach (var entry in root["vocab"].Items())
        {
            var rank = entry.Int("rank");
            if (rank < 0 || rank >= size - first)
            {
                continue;
            }

            var token = Token(entry);
            bytes += token.Length == 1 ? 1 : 0;
            if (!vocabulary.TryAdd(token, first + rank))
            {
                throw entry.Error($"'{entry.Path}' has a token that an earlier entry has.");
            }
        }

        return bytes == 256 ? vocabulary : throw root["vocab"].Error(
            $"'vocab' holds {bytes} of the 256 bytes, so that some texts have no tokens.");
    }

    private static string Token(Section entry)
    {
        var text = entry.String("token_bytes");
        var bytes = new byte[text.Length];
        return System.Convert.TryFromBase64String(text, bytes, out var count) && count > 0
            ? ByteAlphabet.Write(bytes.AsSpan(0, count))
            : throw entry.Error($"'{entry.Path}.token_bytes' is '{Quoted.Short(text)}'; expected base64.");
    }
}
