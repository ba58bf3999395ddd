using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Vocabulary;

// Makes a tokenizer_config.json: the special tokens' texts and the chat template.
internal static class GgufTokenizerConfig
{
    public const string TemplateKey = "tokenizer.chat_template";

    public static byte[]? Make(GgufMetadata metadata)
    {
        if (metadata.Text(GgufTokenizer.ModelKey) is null)
        {
            return null;
        }

        var vocabulary = new GgufVocabulary(metadata);
        var json = new JsonObject();
        foreach (var (name, key) in new[]
        {
            ("bos_token", GgufVocabulary.BosKey),
            ("eos_token", GgufVocabulary.EosKey),
            ("unk_token", GgufVocabulary.UnknownKey),
            ("pad_token", GgufVocabulary.PaddingKey),
        })
        {
            if (vocabulary.Named(key) is { } token)
            {
                json[name] = token.Token;
            }
        }

        json["clean_up_tokenization_spaces"] = false;
        if (metadata.Text("general.architecture") is { } architecture &&
            metadata.Integer($"{architecture}.context_length") is { } length)
        {
            json["model_max_length"] = length;
        }

        json["tokenizer_class"] = "PreTrainedTokenizerFast";
        if (metadata.Text(TemplateKey) is { } template)
        {
            json["chat_template"] = template;
        }

        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }
}
