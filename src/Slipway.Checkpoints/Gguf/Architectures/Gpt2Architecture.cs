namespace Slipway.Checkpoints.Gguf.Architectures;

// GPT-2: Hugging Face stores its matrices as inputs by outputs, the file as outputs by inputs.
internal sealed class Gpt2Architecture : GgufArchitecture
{
    public override string Name => "gpt2";

    protected override string ModelClass => "GPT2LMHeadModel";

    protected override string LayerRoot => "transformer.h";

    protected override IReadOnlyDictionary<string, string> RootNames { get; } = GgufNames.With(
        GgufNames.Decoder, ("token_embd", "transformer.wte"), ("position_embd", "transformer.wpe"),
        ("output_norm", "transformer.ln_f"));

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } = GgufNames.With(
        [], ("attn_norm", "ln_1"), ("attn_qkv", "attn.c_attn"), ("attn_output", "attn.c_proj"), ("ffn_norm", "ln_2"),
        ("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj"));

    protected override IEnumerable<GgufSource> MapTensor(GgufFile file, GgufTensor tensor, GgufTensorName name) =>
        name.Layer is not null && tensor.Sizes.Length == 2
            ? [new GgufComputed(
                new TensorInfo(HuggingFaceName(name), TensorType.F32, tensor.Sizes), 1,
                _ => GgufTensor.Transpose(tensor.ReadWhole(), (int)tensor.Rows, (int)tensor.RowLength))]
            : base.MapTensor(file, tensor, name);

    protected override void WriteSizes(GgufConfig config)
    {
        config["n_embd"] = config.Integer("embedding_length");
        config["n_inner"] = config.Integer("feed_forward_length");
        config["n_layer"] = config.Layers();
        config["n_head"] = config.Integer("attention.head_count");
        config["n_positions"] = config.Integer("context_length");
        config["activation_function"] = "gelu_new";
        config["layer_norm_epsilon"] = config.RequiredNumber("attention.layer_norm_epsilon");
        config["vocab_size"] = VocabularySize(config);
        config["tie_word_embeddings"] = !config.HasTensor("output.weight");
    }

    protected override void WriteRotary(GgufConfig config)
    {
    }
}
