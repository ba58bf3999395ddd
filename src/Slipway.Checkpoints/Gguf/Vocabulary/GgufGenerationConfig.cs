using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Vocabulary;

// Makes a generation_config.json: the tokens that begin, end and pad a sequence.
internal static class GgufGenerationConfig
{
    private static readonly string[] EndKeys =
        [GgufVocabulary.EosKey, "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

    public static byte[]? Make(GgufMetadata metadata)
    {
        var json = new JsonObject();
        if (metadata.Integer(GgufVocabulary.BosKey) is { } begin)
        {
            json["bos_token_id"] = begin;
        }

        var ends = EndKeys.Select(metadata.Integer).OfType<long>().Distinct().ToArray();
        if (ends.Length > 0)
        {
            json["eos_token_id"] = ends.Length == 1
                ? JsonValue.Create(ends[0])
                : new JsonArray([.. ends.Select(end => (JsonNode)JsonValue.Create(end))]);
        }

        if (metadata.Integer(GgufVocabulary.PaddingKey) is { } padding)
        {
            json["pad_token_id"] = padding;
        }

        return json.Count == 0 ? null : Encoding.UTF8.GetBytes(json.ToJsonString());
    }
}
