namespace Slipway.Checkpoints.Gguf.Architectures;

// OLMo 2: norms come after attention and feed-forward alone.
internal sealed class Olmo2Architecture : GgufArchitecture
{
    public override string Name => "olmo2";

    protected override string ModelClass => "Olmo2ForCausalLM";

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } = GgufNames.With(
        GgufNames.Layer, ("post_attention_norm", "post_attention_layernorm"),
        ("post_ffw_norm", "post_feedforward_layernorm"));
}
