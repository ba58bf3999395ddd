using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>
/// Gemma 2: Gemma with norms before and after each part, bent scores and logits, and windows in turn.
/// </summary>
/// <remarks>Source: Gemma 2 (arXiv 2408.00118).</remarks>
internal class Gemma2 : Gemma
{
    public override string PackageType => "gemma2";

    public override GraphValue Head(ModuleScope root, GraphValue hidden)
    {
        var logits = base.Head(root, hidden);
        if (!root.Config.Has("final_logit_softcapping"))
        {
            return logits;
        }

        // cap · tanh(logits / cap)
        var cap = root.Float((float)root.Config.Number("final_logit_softcapping"));
        var head = root["lm_head"];
        return head.Mul(head.Tanh(head.Div(logits, cap)), cap);
    }

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        var normed = Norm(layer["input_layernorm"], stream, layer.Sizes);
        stream.Add(layer.Scope, After(layer, "post_attention_layernorm", Attend(layer, normed)));
        normed = Norm(layer["pre_feedforward_layernorm"], stream, layer.Sizes);
        var fed = FeedForward(layer.Config).Build(layer["mlp"], normed);
        stream.Add(layer.Scope, After(layer, "post_feedforward_layernorm", fed));
    }

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Scale = (float)(1 / Math.Sqrt(config.Number("query_pre_attn_scalar", 256))),
            Softcap = config.Has("attn_logit_softcapping") ? (float)config.Number("attn_logit_softcapping") : 0,
            Window = Window(config, layer),
        };

    /// <summary>A layer's window; without a list of types every second layer has none.</summary>
    protected virtual int? Window(ConfigReader config, int layer) =>
        config.Has("layer_types") ? LayerTypes.Window(config, layer)
        : layer % 2 == 0 ? config.Int("sliding_window", 4096)
        : null;

    private static GraphValue After(DecoderLayer layer, string norm, GraphValue x) =>
        layer[norm].RmsNorm(x, layer.Sizes.HiddenSize, Epsilon(layer.Config), offset: 1);
}
