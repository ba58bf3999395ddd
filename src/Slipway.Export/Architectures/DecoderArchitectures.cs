namespace Slipway.Export.Architectures;

/// <summary>The decoders that can be exported, by the name in <c>architectures[0]</c> of <c>config.json</c>.</summary>
internal static class DecoderArchitectures
{
    public static IReadOnlyDictionary<string, DecoderArchitecture> All { get; } =
        new Dictionary<string, DecoderArchitecture>
        {
            ["DeepseekV2ForCausalLM"] = new DeepSeekV2(),
            ["DeepseekV3ForCausalLM"] = new DeepSeekV3(),
            ["Gemma2ForCausalLM"] = new Gemma2(),
            ["Gemma3ForCausalLM"] = new Gemma3(),
            ["GemmaForCausalLM"] = new Gemma(),
            ["Glm4MoeForCausalLM"] = new Glm4Moe(),
            ["GptOssForCausalLM"] = new GptOss(),
            ["GraniteForCausalLM"] = new Granite(),
            ["GraniteMoeForCausalLM"] = new GraniteMoe(),
            ["GraniteMoeHybridForCausalLM"] = new GraniteMoeHybrid(),
            ["LlamaForCausalLM"] = new Llama(),
            ["Mamba2ForCausalLM"] = new Mamba2(),
            ["MistralForCausalLM"] = new Mistral(),
            ["MixtralForCausalLM"] = new Mixtral(),
            ["Olmo2ForCausalLM"] = new Olmo2(),
            ["OlmoeForCausalLM"] = new Olmoe(),
            ["Phi3ForCausalLM"] = new Phi3(),
            ["PhimoeForCausalLM"] = new PhiMoe(),
            ["Qwen2ForCausalLM"] = new Qwen2(),
            ["Qwen2MoeForCausalLM"] = new Qwen2Moe(),
            ["Qwen3ForCausalLM"] = new Qwen3(),
            ["Qwen3MoeForCausalLM"] = new Qwen3Moe(),
            ["Qwen3NextForCausalLM"] = new Qwen3Next(),
            ["Qwen3_5ForCausalLM"] = new Qwen35(),
            ["SmolLM3ForCausalLM"] = new SmolLm3(),
        };
}
