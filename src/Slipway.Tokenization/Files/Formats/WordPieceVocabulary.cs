using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>Rewrites BERT's <c>vocab.txt</c>, a token a line, as a <c>tokenizer.json</c>.</summary>
/// <remarks>
/// <c>do_lower_case</c>, <c>strip_accents</c> and <c>tokenize_chinese_chars</c> count as the settings say them. Of
/// equal lines the last counts, as in transformers' <c>BertTokenizer</c>, which is the source.
/// </remarks>
internal static class WordPieceVocabulary
{
    public static JsonObject ToJson(string path, TokenizerSettings settings)
    {
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        var next = 0;
        foreach (var line in TextLines.Read(path))
        {
            ids[line] = next++;
        }

        string Name(string key, string missing) => settings.Token(key) ?? missing;
        string start = Name("cls_token", "[CLS]"), end = Name("sep_token", "[SEP]");
        var unknown = Name("unk_token", "[UNK]");
        var lowercase = settings.Flag("do_lower_case") ?? true;
        var (first, last) = (TokenizerJson.Find(start, ids), TokenizerJson.Find(end, ids));
        return new JsonObject
        {
            ["added_tokens"] = TokenizerJson.AddedTokens(
                [Name("pad_token", "[PAD]"), unknown, start, end, Name("mask_token", "[MASK]")], ids),
            ["normalizer"] = new JsonObject
            {
                ["type"] = "BertNormalizer", ["clean_text"] = true,
                ["handle_chinese_chars"] = settings.Flag("tokenize_chinese_chars") ?? true,
                ["strip_accents"] = settings.Flag("strip_accents"), ["lowercase"] = lowercase,
            },
            ["pre_tokenizer"] = new JsonObject { ["type"] = "BertPreTokenizer" },
            ["post_processor"] = first is not null && last is not null
                ? new JsonObject
                {
                    ["type"] = "BertProcessing", ["cls"] = new JsonArray(start, ids[start]),
                    ["sep"] = new JsonArray(end, ids[end]),
                }
                : null,
            ["decoder"] = new JsonObject { ["type"] = "WordPiece", ["prefix"] = "##", ["cleanup"] = true },
            ["model"] = new JsonObject
            {
                ["type"] = "WordPiece", ["unk_token"] = unknown, ["continuing_subword_prefix"] = "##",
                ["max_input_chars_per_word"] = 100,
                ["vocab"] = new JsonObject(ids.Select(pair =>
                    new KeyValuePair<string, JsonNode?>(pair.Key, pair.Value))),
            },
        };
    }
}
