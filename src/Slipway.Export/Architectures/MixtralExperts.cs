using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>The experts of Mixtral and Phi models, by the names of old checkpoints and of new ones.</summary>
internal static class MixtralExperts
{
    public static GraphValue Build(DecoderLayer layer, GraphValue x, MixtureSizes sizes, ExpertRouter router)
    {
        var old = layer["block_sparse_moe.gate"].Has("weight");
        ModuleScope block = layer[old ? "block_sparse_moe" : "mlp"], experts = block["experts"];
        var gate = block[block["router"].Has("weight") ? "router" : "gate"];
        return new ExpertFeedForward
        {
            HiddenSize = sizes.HiddenSize, IntermediateSize = sizes.IntermediateSize, Router = router,
        }.Build(
            gate, experts,
            old
                ? ExpertWeights.Numbered(
                    experts, sizes.Experts, sizes.HiddenSize, sizes.IntermediateSize, "w1", "w3", "w2")
                : ExpertWeights.Find(experts, sizes.Experts, sizes.HiddenSize, sizes.IntermediateSize),
            x);
    }
}
