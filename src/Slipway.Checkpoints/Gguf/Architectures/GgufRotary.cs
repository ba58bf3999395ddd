using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// Rotary positions: the base, and how they are scaled.
internal static class GgufRotary
{
    public const string FactorsTensor = "rope_freqs.weight";

    public static void Write(GgufConfig config)
    {
        var theta = config.Number("rope.freq_base") ?? 10000;
        config["rope_theta"] = theta;
        if (Scaling(config, theta) is { } scaling)
        {
            config["rope_scaling"] = scaling;
        }
    }

    private static JsonObject? Scaling(GgufConfig config, double theta)
    {
        if (config.File.Tensors.TryGetValue(FactorsTensor, out var factors))
        {
            return Llama3Scaling.Recover(config, theta, factors.ReadWhole(), factors);
        }

        // Older files state linear scaling without its type.
        var type = config.Text("rope.scaling.type") ?? (config.Has("rope.scale_linear") ? "linear" : "none");
        switch (type)
        {
            case "none":
                return null;
            case "linear":
                return new JsonObject { ["rope_type"] = "linear", ["factor"] = Factor(config) };
            case "yarn":
                var yarn = new JsonObject { ["rope_type"] = "yarn", ["factor"] = Factor(config) };
                if (config.OptionalInteger("rope.scaling.original_context_length") is { } context)
                {
                    yarn["original_max_position_embeddings"] = context;
                }

                CopyNumber(config, "rope.scaling.yarn_beta_fast", yarn, "beta_fast");
                CopyNumber(config, "rope.scaling.yarn_beta_slow", yarn, "beta_slow");
                return yarn;
            default:
                throw config.Metadata.Bad(
                    config.Key("rope.scaling.type"), type, "'none', 'linear' or 'yarn' for this architecture");
        }
    }

    private static double Factor(GgufConfig config) =>
        config.Number("rope.scaling.factor") ?? config.RequiredNumber("rope.scale_linear");

    private static void CopyNumber(GgufConfig config, string key, JsonObject target, string name)
    {
        if (config.Number(key) is { } number)
        {
            target[name] = number;
        }
    }
}
