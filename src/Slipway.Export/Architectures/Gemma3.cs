using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>
/// Gemma 3 (text): Gemma 2 with norms over query and key heads, and frequencies of their own for windows.
/// </summary>
/// <remarks>Source: Gemma 3 (arXiv 2503.19786).</remarks>
internal sealed class Gemma3 : Gemma2
{
    public override string PackageType => "gemma3_text";

    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs) =>
        !inputs.IsWhole && root.Config.Flag("use_bidirectional_attention", false)
            ? throw root.Config.Unsupported("use_bidirectional_attention", "'false'")
            : base.Forward(root, inputs);

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer)
    {
        var window = Window(tables.Config, layer) is not null;
        return tables.Get(window ? "sliding_attention" : "full_attention", config =>
        {
            // Newer configurations have a section a kind of layer; in older ones only layers without window are scaled.
            var both = config.Section("rope_parameters");
            var section = both?.Has("rope_type") == true ? both
                : both?.Section(window ? "sliding_attention" : "full_attention")
                ?? (window ? null : config.Section("rope_scaling"));
            var theta = window
                ? config.Number("rope_local_base_freq", 10000)
                : config.Number("rope_theta", 1000000);
            return RotaryScaling.Read(config, section, theta, sizes.HeadDim);
        });
    }

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Norm = HeadNorms.Rms(Epsilon(config), offset: 1) };

    // Attention both ways has half of the window on either side.
    protected override int? Window(ConfigReader config, int layer) =>
        Size(config, layer) is { } size && config.Flag("use_bidirectional_attention", false)
            ? (size / 2) + 1 : Size(config, layer);

    private static int? Size(ConfigReader config, int layer) =>
        config.Has("layer_types") ? LayerTypes.Window(config, layer)
        : (layer + 1) % config.Int("sliding_window_pattern", 6) != 0 ? config.Int("sliding_window", 4096)
        : null;
}
