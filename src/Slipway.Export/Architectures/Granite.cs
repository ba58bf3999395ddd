using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>
/// Granite 3: Llama with a factor each for the embedding, the scores, what layers add, and the logits.
/// </summary>
/// <remarks>Source: IBM's Granite 3.0 language models.</remarks>
internal class Granite : Llama
{
    public override string PackageType => "granite";

    public override GraphValue Head(ModuleScope root, GraphValue hidden)
    {
        // The head is linear, so the states may be divided instead of the many logits.
        var divisor = (float)root.Config.Number("logits_scaling", 1);
        return base.Head(root, root["lm_head"].Div(hidden, root.Float(divisor)));
    }

    protected override GraphValue Embed(ModuleScope scope, GraphValue ids, DecoderSizes sizes) =>
        scope.Mul(base.Embed(scope, ids, sizes), scope.Float((float)scope.Config.Number("embedding_multiplier", 1)));

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Scale = (float)config.Number("attention_multiplier", 1),
            OutputScale = Residual(config),
        };

    protected override GatedFeedForward FeedForward(ConfigReader config) =>
        base.FeedForward(config) with { OutputScale = Residual(config) };

    /// <summary>Factor of the output of a part of a layer.</summary>
    protected static float Residual(ConfigReader config) => (float)config.Number("residual_multiplier", 1);
}
