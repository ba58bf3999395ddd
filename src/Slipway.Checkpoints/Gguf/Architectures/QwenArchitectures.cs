namespace Slipway.Checkpoints.Gguf.Architectures;

internal sealed class Qwen2Architecture : GgufArchitecture
{
    public override string Name => "qwen2";

    protected override string ModelClass => "Qwen2ForCausalLM";
}

internal sealed class Qwen3Architecture : GgufArchitecture
{
    public override string Name => "qwen3";

    protected override string ModelClass => "Qwen3ForCausalLM";
}
