using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>GPT-J: GPT-2 with rotary positions of neighbours, and attention beside the feed-forward block.</summary>
/// <remarks>Source: EleutherAI's GPT-J-6B.</remarks>
internal sealed class GptJ : Gpt2
{
    public override string PackageType => "gptj";

    public override bool TiedByDefault => false;

    public override DecoderSizes Sizes(ConfigReader config) =>
        base.Sizes(config) with { ContextLength = config.Int("n_positions", 2048) };

    protected override bool HeadBias(ConfigReader config) => true;

    protected override GraphValue Begin(ModuleScope model, DecoderInputs inputs, DecoderSizes sizes) =>
        Embed(model[Names.Embedding], inputs.Ids, sizes);

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        tables.Get("", config => RotaryScaling.Plain(RotarySize(config, sizes), 10000));

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        layer.Scope.Build.Tensors.Ignore(layer[Names.Attention].NameOf("bias"));
        layer.Scope.Build.Tensors.Ignore(layer[Names.Attention].NameOf("masked_bias"));
        var normed = Norm(layer["ln_1"], stream, layer.Sizes);
        stream.Add(layer.Scope, Attend(layer, normed));
        stream.Add(layer.Scope, Feed(layer, normed));
    }

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            RotarySize = RotarySize(config, sizes),
            Interleaved = true,
            InputBias = false,
            OutputBias = false,
            Layout = AttentionLayout.Separate,
            Transposed = false,
            Names = new AttentionNames { Output = "out_proj" },
            Scale = null,
        };

    protected override PlainFeedForward FeedForward(ConfigReader config, DecoderSizes sizes) =>
        base.FeedForward(config, sizes) with { Up = "fc_in", Down = "fc_out", Transposed = false };

    private static int RotarySize(ConfigReader config, DecoderSizes sizes) =>
        RotaryOrder.Checked(config, "rotary_dim", config.Int("rotary_dim", 64), sizes.HeadDim);
}
