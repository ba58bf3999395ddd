using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>GLM-4.5 and 4.6: Llama that turns half of each head, with DeepSeek-V3's experts.</summary>
/// <remarks>Source: GLM-4.5 (arXiv 2508.06471).</remarks>
internal sealed class Glm4Moe : Llama
{
    public override string PackageType => "decoder";

    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs)
    {
        SparseLayers.IgnorePredictors(root);
        return base.Forward(root, inputs);
    }

    protected override double RotaryShare => 0.5;

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            OutputBias = false,
            Norm = config.Flag("use_qk_norm", false) ? HeadNorms.Rms(Epsilon(config)) : null,
        };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        if (!SparseLayers.IsSparse(config, layer.Index, absent: 1))
        {
            return base.Feed(layer, x);
        }

        var sizes = MixtureSizes.Read(config, "n_routed_experts", "moe_intermediate_size");
        var block = layer["mlp"];
        var mixed = new ExpertFeedForward
        {
            HiddenSize = sizes.HiddenSize,
            IntermediateSize = sizes.IntermediateSize,
            Router = DeepSeekV3.Balanced(config, sizes, scale: 1),
        }.Build(
            block["gate"], block["experts"],
            ExpertWeights.Find(block["experts"], sizes.Experts, sizes.HiddenSize, sizes.IntermediateSize), x);
        var shared = FeedForward(config) with
        {
            IntermediateSize = checked(sizes.IntermediateSize * config.Int("n_shared_experts", 1)),
        };
        return block.Add(mixed, shared.Build(block["shared_experts"], x));
    }
}
