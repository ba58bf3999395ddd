using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Phi-3.5 with experts: Llama with biases, norms with a mean, and experts by a sparse mixer.</summary>
/// <remarks>Source: Phi-3 (arXiv 2404.14219), GRIN (arXiv 2409.12136).</remarks>
internal sealed class PhiMoe : Llama
{
    public override string PackageType => "phimoe";

    protected override bool HeadBias(ConfigReader config) => config.Flag("lm_head_bias", false);

    // Some versions of the definition have norms without mean, and then their checkpoints have no biases.
    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.Has("bias")
            ? scope.LayerNorm(stream.Sum(scope), sizes.HiddenSize, (float)scope.Config.Number("rms_norm_eps", 1e-5))
            : base.Norm(scope, stream, sizes);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Window = config.OptionalInt("sliding_window") };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        var sizes = MixtureSizes.Read(config, "num_local_experts", "intermediate_size");
        if (sizes.Chosen != 2)
        {
            throw config.Unsupported("num_experts_per_tok", "'2', which its router is made for");
        }

        SparseMixer router = new()
        {
            HiddenSize = sizes.HiddenSize,
            Experts = sizes.Experts,
            Chosen = sizes.Chosen,
            Noise = (float)config.Number("router_jitter_noise", 0.01),
        };
        return MixtralExperts.Build(layer, x, sizes, router);
    }
}
