using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>DeepSeek-V2: Llama with latent attention, chosen and shared experts, and dense first layers.</summary>
/// <remarks>Source: DeepSeek-V2 (arXiv 2405.04434).</remarks>
internal class DeepSeekV2 : Llama
{
    public override string PackageType => "decoder";

    /// <summary>Number of the first layers without experts where the configuration does not say.</summary>
    protected virtual int DenseByDefault => 0;

    /// <summary>The sizes of the cache, which holds one head.</summary>
    public override DecoderSizes Sizes(ConfigReader config) => base.Sizes(config) with
    {
        KeyValueHeads = 1,
        HeadDim = config.Int("kv_lora_rank", 512) + HeadLayout.Widened(RotarySize(config)),
    };

    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs)
    {
        SparseLayers.IgnorePredictors(root);
        return base.Forward(root, inputs);
    }

    protected override RotaryTable Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        tables.Get("", config => RotaryScaling.Read(config, RotarySize(config)));

    protected override GraphValue Attend(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        int plain = config.Int("qk_nope_head_dim", 128), rotary = RotarySize(config);
        return new LatentAttention
        {
            HiddenSize = layer.Sizes.HiddenSize,
            NumAttentionHeads = layer.Sizes.Heads,
            QueryRank = config.OptionalInt("q_lora_rank"),
            LatentSize = config.Int("kv_lora_rank", 512),
            RotarySize = rotary,
            PlainSize = plain,
            ValueSize = config.Int("v_head_dim", 128),
            Scale = (float)(Magnitude(config) * Magnitude(config) / Math.Sqrt(plain + rotary)),
            Bias = config.Flag("attention_bias", false),
            Interleaved = config.Flag("rope_interleave", true),
        }.Build(layer["self_attn"], x, layer.Inputs, layer.Rotary!, layer.Index);
    }

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        if (!SparseLayers.IsSparse(config, layer.Index, DenseByDefault)
            || !MixtureSizes.Has(config, "n_routed_experts"))
        {
            return base.Feed(layer, x);
        }

        var sizes = MixtureSizes.Read(config, "n_routed_experts", "moe_intermediate_size");
        var block = layer["mlp"];
        var mixed = new ExpertFeedForward
        {
            HiddenSize = sizes.HiddenSize,
            IntermediateSize = sizes.IntermediateSize,
            Router = Router(config, sizes),
        }.Build(
            block["gate"], block["experts"],
            ExpertWeights.Find(block["experts"], sizes.Experts, sizes.HiddenSize, sizes.IntermediateSize), x);
        if (!config.Has("n_shared_experts"))
        {
            return mixed;
        }

        var shared = FeedForward(config) with
        {
            IntermediateSize = checked(sizes.IntermediateSize * config.Int("n_shared_experts")),
        };
        return block.Add(mixed, shared.Build(block["shared_experts"], x));
    }

    /// <summary>Chooses the router of experts.</summary>
    protected virtual ExpertRouter Router(ConfigReader config, MixtureSizes sizes)
    {
        var grouped = config.Text("topk_method", "greedy") switch
        {
            "greedy" => false,
            "group_limited_greedy" => true,
            _ => throw config.Unsupported("topk_method", "'greedy' and 'group_limited_greedy'"),
        };
        // 'norm_topk_prob' is not heeded: its definition in transformers does not.
        ProbabilityRouter router = new()
        {
            HiddenSize = sizes.HiddenSize,
            Experts = sizes.Experts,
            Chosen = sizes.Chosen,
            Scale = (float)config.Number("routed_scaling_factor", 1),
        };
        return grouped ? Grouped(router, config, best: 1) : router;
    }

    /// <summary>Confines a router to the best groups.</summary>
    protected static ProbabilityRouter Grouped(ProbabilityRouter router, ConfigReader config, int best)
    {
        int groups = config.Int("n_group", 1), chosen = config.Int("topk_group", 1);
        return router.Experts % groups != 0 || (groups > 1 && router.Experts / groups < best)
            ? throw config.Bad("n_group", $"a divisor of 'n_routed_experts', {router.Experts}")
            : chosen > groups ? throw config.Bad("topk_group", $"at most 'n_group', {groups}")
            : router.Chosen > router.Experts / groups * chosen
            ? throw config.Bad("topk_group", $"groups that hold 'num_experts_per_tok', {router.Chosen}, experts")
            : router with { Groups = groups, ChosenGroups = chosen, GroupBest = best };
    }

    private static int RotarySize(ConfigReader config)
    {
        var size = config.Int("qk_rope_head_dim", 64);
        return size % 2 == 0 ? size : throw config.Bad("qk_rope_head_dim", "an even number");
    }

    // YaRN's magnitude, which these models give to scores instead of cosines and sines.
    private static double Magnitude(ConfigReader config)
    {
        var section = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        double weight = section?.Number("mscale_all_dim", 0) ?? 0, factor = section?.Number("factor", 1) ?? 1;
        return weight == 0 || factor <= 1 ? 1 : (0.1 * weight * Math.Log(factor)) + 1;
    }
}
