using System.Text.Json.Nodes;

namespace Slipway.Training.Models;

/// <summary>Holds the parameters of rotary positions and computes their frequencies.</summary>
/// <remarks>
/// Reads <c>rope_parameters</c> of newer configurations, and <c>rope_theta</c> with <c>rope_scaling</c> of older ones.
/// The types are <c>default</c>, <c>linear</c> and <c>llama3</c>.
/// </remarks>
public sealed class RopeParameters
{
    private readonly JsonObject _scaling;
    private readonly string _source;

    private RopeParameters(double theta, string type, JsonObject scaling, string source)
    {
        (RopeTheta, RopeType, _scaling, _source) = (theta, type, scaling, source);
    }

    /// <summary>The base of the frequencies.</summary>
    public double RopeTheta { get; }

    /// <summary>Scaling of the frequencies.</summary>
    public string RopeType { get; }

    internal static RopeParameters Read(JsonObject json, string source)
    {
        var scaling = json["rope_parameters"] as JsonObject ?? json["rope_scaling"] as JsonObject ?? [];
        var type = (scaling["rope_type"] ?? scaling["type"])?.ToString() ?? "default";
        if (type is not ("default" or "linear" or "llama3"))
        {
            throw new NotSupportedException(
                $"The rotary type '{type}' in '{source}' is not supported; expected 'default', 'linear' or 'llama3'.");
        }

        var theta = Number(scaling["rope_theta"] ?? json["rope_theta"], "rope_theta", 10000, source);
        return new RopeParameters(theta, type, scaling, source);
    }

    /// <summary>Computes the frequency of each pair of lanes.</summary>
    /// <param name="headDim">The width of a head.</param>
    /// <returns>[head_dim / 2], radians a token.</returns>
    public float[] Frequencies(int headDim)
    {
        var frequencies = new float[headDim / 2];
        for (var lane = 0; lane < frequencies.Length; lane++)
        {
            // As the reference computes them: the power in float32.
            frequencies[lane] = 1f / MathF.Pow((float)RopeTheta, (float)(2 * lane) / headDim);
        }

        return RopeType switch
        {
            "linear" => [.. frequencies.Select(one => one / (float)Scaling("factor"))],
            "llama3" => [.. frequencies.Select(Llama3)],
            _ => frequencies,
        };
    }

    // Long waves are stretched by the factor, short ones kept, those between blended.
    private float Llama3(float frequency)
    {
        var (factor, low, high) = (Scaling("factor"), Scaling("low_freq_factor"), Scaling("high_freq_factor"));
        var context = Scaling("original_max_position_embeddings");
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength < context / high)
        {
            return frequency;
        }

        if (wavelength > context / low)
        {
            return (float)(frequency / factor);
        }

        var smooth = ((context / wavelength) - low) / (high - low);
        return (float)(((1 - smooth) * frequency / factor) + (smooth * frequency));
    }

    private double Scaling(string key) => Number(_scaling[key], key, null, _source);

    private static double Number(JsonNode? node, string key, double? absent, string source)
    {
        return node is null && absent is { } value ? value
            : node is JsonValue json && json.TryGetValue(out double number) && number > 0 ? number
            : throw new ModelConfigException(source, key,
                $"'{key}' of the rotary positions in '{source}' is '{node?.ToJsonString() ?? "missing"}'; "
                + "expected a positive number.");
    }
}
