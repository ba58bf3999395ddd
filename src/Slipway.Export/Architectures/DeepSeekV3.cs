using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>DeepSeek-V3 and R1: DeepSeek-V2 whose experts are chosen by sigmoids and a balancing bias.</summary>
/// <remarks>Source: DeepSeek-V3 (arXiv 2412.19437).</remarks>
internal sealed class DeepSeekV3 : DeepSeekV2
{
    protected override int DenseByDefault => 3;

    protected override ExpertRouter Router(ConfigReader config, MixtureSizes sizes) =>
        Balanced(config, sizes, scale: 2.5);

    /// <summary>Experts by sigmoids, with a bias for the choice alone.</summary>
    public static ExpertRouter Balanced(ConfigReader config, MixtureSizes sizes, double scale)
    {
        if (config.Text("scoring_func", "sigmoid") != "sigmoid")
        {
            throw config.Unsupported("scoring_func", "'sigmoid'");
        }

        if (config.Text("topk_method", "noaux_tc") != "noaux_tc")
        {
            throw config.Unsupported("topk_method", "'noaux_tc'");
        }

        ProbabilityRouter router = new()
        {
            HiddenSize = sizes.HiddenSize,
            Experts = sizes.Experts,
            Chosen = sizes.Chosen,
            Sigmoid = true,
            Normalize = config.Flag("norm_topk_prob", true),
            Scale = (float)config.Number("routed_scaling_factor", scale),
            ChoiceBias = "e_score_correction_bias",
        };
        return Grouped(router, config, best: 2);
    }
}
