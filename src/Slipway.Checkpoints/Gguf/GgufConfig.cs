using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf;

// Makes a Hugging Face config.json from a file's metadata.
internal static class GgufConfig
{
    public static JsonObject Build(GgufMetadata metadata, GgufHeader header)
    {
        if (!GgufArchitecture.All.TryGetValue(metadata.Architecture, out var architecture))
        {
            throw new CheckpointException(
                $"The GGUF file '{metadata.Path}' holds a model of the architecture '{metadata.Architecture}', which "
                + "is not known in this format. Use the model's safetensors files instead.", metadata.Path);
        }

        var prefix = metadata.Architecture;
        var heads = Required("attention.head_count");
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(architecture.Name),
            ["model_type"] = architecture.ModelType,
            ["vocab_size"] = Vocabulary(metadata, header),
            ["hidden_size"] = Required("embedding_length"),
            ["intermediate_size"] = Required("feed_forward_length"),
            ["num_hidden_layers"] = Required("block_count"),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = metadata.Whole($"{prefix}.attention.head_count_kv") ?? heads,
            ["max_position_embeddings"] = Required("context_length"),
            ["rms_norm_eps"] = metadata.Number($"{prefix}.attention.layer_norm_rms_epsilon") ?? 1e-6,
            ["rope_theta"] = metadata.Number($"{prefix}.rope.freq_base") ?? 10000,
            ["hidden_act"] = "silu",
            ["tie_word_embeddings"] = !header.Tensors.Exists(tensor => tensor.Name == "output.weight"),
            ["attention_bias"] = header.Tensors.Exists(tensor => tensor.Name == "blk.0.attn_output.bias"),
            ["mlp_bias"] = header.Tensors.Exists(tensor => tensor.Name == "blk.0.ffn_down.bias"),
        };
        Set("head_dim", metadata.Whole($"{prefix}.attention.key_length"));
        Set("sliding_window", metadata.Whole($"{prefix}.attention.sliding_window"));
        Set("bos_token_id", metadata.Whole("tokenizer.ggml.bos_token_id"));
        Set("eos_token_id", metadata.Whole("tokenizer.ggml.eos_token_id"));
        Set("pad_token_id", metadata.Whole("tokenizer.ggml.padding_token_id"));
        if (Scaling(metadata, prefix) is { } scaling)
        {
            config["rope_scaling"] = scaling;
        }

        return config;

        long Required(string key) => metadata.Whole($"{prefix}.{key}") is > 0 and var number
            ? number
            : throw metadata.Bad($"{prefix}.{key}", "a positive number");

        void Set(string key, long? value)
        {
            if (value is { } number)
            {
                config[key] = number;
            }
        }
    }

    private static long Vocabulary(GgufMetadata metadata, GgufHeader header) =>
        header.Tensors.Find(tensor => tensor.Name == "token_embd.weight") is { Shape: [_, var rows] }
            ? rows
            : throw new CheckpointException(
                $"The GGUF file '{metadata.Path}' has no tensor 'token_embd.weight' of two dimensions, so it is no "
                + "language model.", metadata.Path, "token_embd.weight");

    private static JsonObject? Scaling(GgufMetadata metadata, string prefix)
    {
        var type = metadata.Text($"{prefix}.rope.scaling.type");
        if (type is null or "none")
        {
            return null;
        }

        var scaling = new JsonObject
        {
            ["rope_type"] = type,
            ["factor"] = metadata.Number($"{prefix}.rope.scaling.factor") ?? 1,
        };
        if (metadata.Whole($"{prefix}.rope.scaling.original_context_length") is { } original)
        {
            scaling["original_max_position_embeddings"] = original;
        }

        return scaling;
    }
}
