using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>The experts of Qwen and OLMoE models: chosen by the softmax over all, renormalized or not.</summary>
internal static class QwenExperts
{
    public static GraphValue Build(ModuleScope block, GraphValue x, bool normalizeByDefault)
    {
        var sizes = MixtureSizes.Read(block.Config, "num_experts", IntermediateKey(block.Config));
        var normalize = block.Config.Flag("norm_topk_prob", normalizeByDefault);
        ExpertRouter router = normalize
            ? new SoftmaxRouter { HiddenSize = sizes.HiddenSize, Experts = sizes.Experts, Chosen = sizes.Chosen }
            : new ProbabilityRouter { HiddenSize = sizes.HiddenSize, Experts = sizes.Experts, Chosen = sizes.Chosen };
        return new ExpertFeedForward
        {
            HiddenSize = sizes.HiddenSize, IntermediateSize = sizes.IntermediateSize, Router = router,
        }.Build(
            block["gate"], block["experts"],
            ExpertWeights.Find(block["experts"], sizes.Experts, sizes.HiddenSize, sizes.IntermediateSize), x);
    }

    /// <summary>The same, and an expert for all tokens whose output a gate weighs.</summary>
    public static GraphValue BuildShared(
        ModuleScope block, GraphValue x, GatedFeedForward feedForward, bool normalizeByDefault)
    {
        var shared = feedForward with
        {
            IntermediateSize = block.Config.Int("shared_expert_intermediate_size"),
        };
        var gate = block["shared_expert_gate"];
        var weight = gate.Sigmoid(
            gate.ExactMatrix("weight", 1, shared.HiddenSize).Multiply(gate, x, default));
        var weighted = gate.Mul(shared.Build(block["shared_expert"], x), weight);
        return block.Add(Build(block, x, normalizeByDefault), weighted);
    }

    private static string IntermediateKey(ConfigReader config) =>
        config.Has("moe_intermediate_size") ? "moe_intermediate_size" : "intermediate_size";
}
