namespace Slipway.Export.Architectures;

/// <summary>The decoders that can be exported, by the name in <c>architectures[0]</c> of <c>config.json</c>.</summary>
internal static class DecoderArchitectures
{
    public static IReadOnlyDictionary<string, DecoderArchitecture> All { get; } =
        new Dictionary<string, DecoderArchitecture>
        {
            ["LlamaForCausalLM"] = new Llama(),
            ["MistralForCausalLM"] = new Mistral(),
            ["Qwen2ForCausalLM"] = new Qwen2(),
            ["Qwen3ForCausalLM"] = new Qwen3(),
        };
}
