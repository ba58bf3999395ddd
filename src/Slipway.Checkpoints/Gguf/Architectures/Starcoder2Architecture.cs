namespace Slipway.Checkpoints.Gguf.Architectures;

internal sealed class Starcoder2Architecture : GgufArchitecture
{
    public override string Name => "starcoder2";

    protected override string ModelClass => "Starcoder2ForCausalLM";

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } =
        GgufNames.With(GgufNames.Layer, ("ffn_up", "mlp.c_fc"), ("ffn_down", "mlp.c_proj"));

    protected override (string Key, string Name) Activation => ("hidden_act", "gelu_pytorch_tanh");

    protected override void WriteNorm(GgufConfig config) =>
        config["norm_epsilon"] = config.RequiredNumber("attention.layer_norm_epsilon");

    protected override void WriteOwn(GgufConfig config)
    {
        config["use_bias"] = config.HasTensor("blk.0.attn_q.bias");
        config["sliding_window"] = config.OptionalInteger("attention.sliding_window");
    }
}
