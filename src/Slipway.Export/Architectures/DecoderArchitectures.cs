namespace Slipway.Export.Architectures;

/// <summary>The decoders that can be exported, by the name in <c>architectures[0]</c> of <c>config.json</c>.</summary>
internal static class DecoderArchitectures
{
    public static IReadOnlyDictionary<string, DecoderArchitecture> All { get; } =
        new Dictionary<string, DecoderArchitecture>
        {
            ["Gemma2ForCausalLM"] = new Gemma2(),
            ["Gemma3ForCausalLM"] = new Gemma3(),
            ["GemmaForCausalLM"] = new Gemma(),
            ["GraniteForCausalLM"] = new Granite(),
            ["LlamaForCausalLM"] = new Llama(),
            ["MistralForCausalLM"] = new Mistral(),
            ["MixtralForCausalLM"] = new Mixtral(),
            ["Olmo2ForCausalLM"] = new Olmo2(),
            ["Phi3ForCausalLM"] = new Phi3(),
            ["Qwen2ForCausalLM"] = new Qwen2(),
            ["Qwen3ForCausalLM"] = new Qwen3(),
            ["Qwen3MoeForCausalLM"] = new Qwen3Moe(),
            ["SmolLM3ForCausalLM"] = new SmolLm3(),
        };
}
