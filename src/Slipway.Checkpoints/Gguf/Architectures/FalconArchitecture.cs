namespace Slipway.Checkpoints.Gguf.Architectures;

// Falcon: Hugging Face holds the queries of each key-value head together with its key and value; the file holds all
// queries, then all keys, then all values.
internal sealed class FalconArchitecture : GgufArchitecture
{
    private const string SecondNorm = "blk.0.attn_norm_2.weight";

    public override string Name => "falcon";

    protected override string ModelClass => "FalconForCausalLM";

    protected override string LayerRoot => "transformer.h";

    protected override IReadOnlyDictionary<string, string> RootNames { get; } = GgufNames.With(
        GgufNames.Decoder, ("token_embd", "transformer.word_embeddings"), ("output_norm", "transformer.ln_f"));

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } = GgufNames.With(
        [], ("attn_norm", "input_layernorm"), ("attn_norm_2", "ln_attn"),
        ("attn_qkv", "self_attention.query_key_value"), ("attn_output", "self_attention.dense"),
        ("ffn_up", "mlp.dense_h_to_4h"), ("ffn_down", "mlp.dense_4h_to_h"));

    protected override IEnumerable<GgufSource> MapTensor(GgufFile file, GgufTensor tensor, GgufTensorName name) =>
        name switch
        {
            { Layer: not null, Stem: "attn_qkv" } => [Regroup(new GgufConfig(file, Name), tensor, name)],
            { Layer: { } layer, Stem: "attn_norm" } when file.Tensors.ContainsKey(SecondNorm) =>
                [new GgufRows(Info(tensor, Layer(LayerRoot, layer, $"ln_mlp{name.Suffix}")), tensor)],
            _ => base.MapTensor(file, tensor, name),
        };

    protected override void WriteSizes(GgufConfig config)
    {
        var heads = config.Integer("attention.head_count");
        var groups = config.OptionalInteger("attention.head_count_kv") ?? 1;
        var isNew = config.HasTensor(SecondNorm);
        config["hidden_size"] = config.Integer("embedding_length");
        config["ffn_hidden_size"] = config.Integer("feed_forward_length");
        config["num_hidden_layers"] = config.Layers();
        config["num_attention_heads"] = heads;
        config["num_kv_heads"] = groups;
        config["new_decoder_architecture"] = isNew;
        config["multi_query"] = !isNew && groups == 1;
        config["parallel_attn"] = true;
        config["bias"] = false;
        config["alibi"] = false;
        config["activation"] = "gelu";
        config["max_position_embeddings"] = config.Integer("context_length");
        config["layer_norm_epsilon"] = config.RequiredNumber("attention.layer_norm_epsilon");
        config["vocab_size"] = VocabularySize(config);
        config["tie_word_embeddings"] = !config.HasTensor("output.weight");
    }

    private GgufRows Regroup(GgufConfig config, GgufTensor tensor, GgufTensorName name)
    {
        var heads = config.Integer("attention.head_count");
        var groups = config.OptionalInteger("attention.head_count_kv") ?? 1;
        if (heads < 1 || groups < 1 || groups > heads || heads % groups != 0 ||
            tensor.Rows % (heads + (2 * groups)) != 0)
        {
            throw new CheckpointException(
                $"Tensor '{tensor.Name}' of '{tensor.File.Path}' has {tensor.Rows} rows, which {heads} heads and " +
                $"{groups} key-value heads do not divide. Convert the model again.", tensor.File.Path, tensor.Name);
        }

        var size = tensor.Rows / (heads + (2 * groups));
        var queries = heads / groups;
        return new GgufRows(Info(tensor, HuggingFaceName(name)), tensor)
        {
            RowOf = row =>
            {
                var (head, offset) = Math.DivRem(row, size);
                var (group, part) = Math.DivRem(head, queries + 2);
                var stored = part < queries ? (group * queries) + part
                    : part == queries ? heads + group
                    : heads + groups + group;
                return (stored * size) + offset;
            },
        };
    }
}
