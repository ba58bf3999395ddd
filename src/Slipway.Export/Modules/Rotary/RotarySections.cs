namespace Slipway.Export.Modules.Rotary;

/// <summary>Rotary positions of layers with a window and of others, which may have parameters of their own.</summary>
internal static class RotarySections
{
    /// <summary>The table of a layer.</summary>
    /// <param name="tables">The model's tables.</param>
    /// <param name="rotarySize">The part of a head that turns.</param>
    /// <param name="window">The layer's window; null for none.</param>
    /// <param name="scaleWindows">Whether parameters that all layers share scale those with a window too.</param>
    public static RotaryTable Get(RotaryTables tables, int rotarySize, int? window, bool scaleWindows)
    {
        var config = tables.Config;
        var section = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        var kind = window is null ? "full_attention" : "sliding_attention";
        var theta = config.Number("rope_theta", 10000);
        if (section is not null && !section.Has("rope_type") && !section.Has("type")
            && section.Section(kind) is { } own)
        {
            return tables.Get(kind, _ => RotaryScaling.Read(config, own, theta, rotarySize));
        }

        if (window is null || scaleWindows || section is null)
        {
            return tables.Get("", _ => RotaryScaling.Read(config, section, theta, rotarySize));
        }

        theta = section.Number("rope_theta", theta);
        return tables.Get(kind, _ => RotaryScaling.Plain(rotarySize, theta));
    }
}
