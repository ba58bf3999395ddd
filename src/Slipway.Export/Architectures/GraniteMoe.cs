using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Granite with experts: Granite whose feed-forward blocks are experts.</summary>
/// <remarks>Source: IBM's Granite 3.0 language models.</remarks>
internal class GraniteMoe : Granite
{
    public override string PackageType => "decoder";

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        var sizes = MixtureSizes.Read(layer.Config, "num_local_experts", "intermediate_size");
        var block = layer["block_sparse_moe"];
        var weights = ExpertWeights.Stacked(
            block, sizes.Experts, sizes.HiddenSize, sizes.IntermediateSize, "input_linear.weight",
            "output_linear.weight");
        return new ExpertFeedForward
        {
            HiddenSize = sizes.HiddenSize,
            IntermediateSize = sizes.IntermediateSize,
            Router = new SoftmaxRouter
            {
                HiddenSize = sizes.HiddenSize, Experts = sizes.Experts, Chosen = sizes.Chosen,
            },
        }.Build(
            block["router"]["layer"], block["experts"],
            weights with { Down = new ScaledWeight(weights.Down, Residual(layer.Config)) }, x);
    }
}
