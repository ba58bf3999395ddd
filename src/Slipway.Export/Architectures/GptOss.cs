using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>gpt-oss: Llama with experts, a sink in each head's softmax, windows in turn, and clamped gates.</summary>
/// <remarks>Source: gpt-oss-120b and gpt-oss-20b (arXiv 2508.10925).</remarks>
internal sealed class GptOss : Llama
{
    public override string PackageType => "gptoss";

    public override DecoderSizes Sizes(ConfigReader config) =>
        base.Sizes(config) with { HeadDim = config.Int("head_dim", 64) };

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = config.Flag("attention_bias", true),
            OutputBias = config.Flag("attention_bias", true),
            Sinks = true,
            Window = config.Has("layer_types") ? LayerTypes.Window(config, layer)
                : layer % 2 == 0 ? config.Int("sliding_window", 128)
                : null,
        };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        var sizes = MixtureSizes.Read(layer.Config, "num_local_experts", "intermediate_size");
        var block = layer["mlp"];
        return new ExpertFeedForward
        {
            HiddenSize = sizes.HiddenSize,
            IntermediateSize = sizes.IntermediateSize,
            Router = new SoftmaxRouter
            {
                HiddenSize = sizes.HiddenSize, Experts = sizes.Experts, Chosen = sizes.Chosen, Bias = true,
            },
            Alpha = (float)layer.Config.Number("swiglu_alpha", 1.702),
            Beta = 1,
            Limit = (float)layer.Config.Number("swiglu_limit", 7),
        }.Build(block["router"], block["experts"], Weights(block["experts"], sizes), x);
    }

    // Gate and up alternate in the checkpoint too. Published checkpoints have MXFP4, by outputs; trained ones matrices
    // by inputs.
    private static ExpertWeights Weights(ModuleScope experts, MixtureSizes sizes)
    {
        return new(
            Read("gate_up_proj", 2 * sizes.IntermediateSize, sizes.HiddenSize),
            Read("down_proj", sizes.HiddenSize, sizes.IntermediateSize),
            experts.ReadNumbers("gate_up_proj_bias", sizes.Experts, 2 * sizes.IntermediateSize),
            experts.ReadNumbers("down_proj_bias", sizes.Experts, sizes.HiddenSize));

        Weight Read(string name, int outputs, int inputs) => experts.Has($"{name}_blocks")
            ? experts.ReadStack($"{name}_blocks", sizes.Experts, outputs, inputs)
            : experts.Build.Tensors.TransposedStack(experts.NameOf(name), sizes.Experts, outputs, inputs);
    }
}
