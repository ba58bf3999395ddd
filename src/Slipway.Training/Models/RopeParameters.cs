using System.Text.Json.Nodes;

namespace Slipway.Training.Models;

/// <summary>Holds the parameters of rotary positions and computes their frequencies.</summary>
/// <remarks>
/// Reads <c>rope_parameters</c> of newer configurations, and <c>rope_theta</c> with <c>rope_scaling</c> of older ones.
/// The types are <c>default</c>, <c>linear</c>, <c>llama3</c>, <c>yarn</c> and <c>longrope</c>. Immutable.
/// </remarks>
public sealed class RopeParameters
{
    private readonly JsonObject _scaling;
    private readonly string _source;
    private readonly int _maxPositions;

    private RopeParameters(double theta, string type, JsonObject scaling, int maxPositions, string source)
    {
        (RopeTheta, RopeType, _scaling, _maxPositions, _source) = (theta, type, scaling, maxPositions, source);
        PartialRotaryFactor = Number(scaling["partial_rotary_factor"], "partial_rotary_factor", 1);
    }

    /// <summary>The base of the frequencies.</summary>
    public double RopeTheta { get; }

    /// <summary>Scaling of the frequencies.</summary>
    public string RopeType { get; }

    /// <summary>The share of a head that turns.</summary>
    public double PartialRotaryFactor { get; }

    /// <summary>The longest sequence with <see cref="Frequencies"/>; longer ones have
    /// <see cref="LongFrequencies"/>.</summary>
    /// <value>The type's limit for <c>longrope</c>; no limit otherwise.</value>
    public int OriginalLength => RopeType == "longrope" ? (int)Original : int.MaxValue;

    /// <summary>The factor of cosines and sines.</summary>
    public double AttentionFactor => RopeType switch
    {
        "yarn" => YarnAttention(),
        "longrope" => LongRopeAttention(),
        _ => 1,
    };

    /// <summary>Tells apart parameters that give different tables.</summary>
    internal string Key => $"{RopeTheta} {_scaling.ToJsonString()}";

    private double Original => Scaling("original_max_position_embeddings");

    internal static RopeParameters Read(
        JsonObject json, JsonObject? section, double theta, int maxPositions, string source)
    {
        var scaling = (JsonObject?)section?.DeepClone() ?? [];
        var type = (scaling["rope_type"] ?? scaling["type"])?.ToString() ?? "default";
        if (type is not ("default" or "linear" or "llama3" or "yarn" or "longrope"))
        {
            throw new NotSupportedException(
                $"The rotary type '{type}' in '{source}' is not supported; expected 'default', 'linear', 'llama3', "
                + "'yarn' or 'longrope'.");
        }

        // The whole configuration's word counts before the section's.
        foreach (var key in new[] { "original_max_position_embeddings", "partial_rotary_factor" })
        {
            if (json[key] is { } value)
            {
                scaling[key] = value.DeepClone();
            }
        }

        scaling["original_max_position_embeddings"] ??= maxPositions;
        return new RopeParameters(
            Number(scaling["rope_theta"], "rope_theta", theta, source), type, scaling, maxPositions, source);
    }

    /// <summary>Computes the number of lanes of a head that turn.</summary>
    /// <param name="headDim">The width of a head.</param>
    public int RotaryDim(int headDim) => (int)(headDim * PartialRotaryFactor);

    /// <summary>Computes the frequency of each pair of lanes.</summary>
    /// <param name="headDim">The width of a head.</param>
    /// <returns>[<see cref="RotaryDim"/> / 2], radians a token.</returns>
    public float[] Frequencies(int headDim) => Scaled(headDim, "short_factor");

    /// <summary>Computes the frequencies of sequences longer than <see cref="OriginalLength"/>.</summary>
    /// <param name="headDim">The width of a head.</param>
    /// <returns>[<see cref="RotaryDim"/> / 2], radians a token.</returns>
    public float[] LongFrequencies(int headDim) => Scaled(headDim, "long_factor");

    private float[] Scaled(int headDim, string factors)
    {
        var width = RotaryDim(headDim);
        var frequencies = new float[width / 2];
        for (var lane = 0; lane < frequencies.Length; lane++)
        {
            // As the reference computes them: the power in float32.
            frequencies[lane] = 1f / MathF.Pow((float)RopeTheta, (float)(2 * lane) / width);
        }

        return RopeType switch
        {
            "linear" => [.. frequencies.Select(one => one / (float)Scaling("factor"))],
            "llama3" => [.. frequencies.Select(Llama3)],
            "yarn" => Yarn(frequencies, width),
            "longrope" => [.. frequencies.Zip(Factors(factors, frequencies.Length), (one, factor) => one / factor)],
            _ => frequencies,
        };
    }

    // Long waves are stretched by the factor, short ones kept, those between blended.
    private float Llama3(float frequency)
    {
        var (factor, low, high) = (Scaling("factor"), Scaling("low_freq_factor"), Scaling("high_freq_factor"));
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength < Original / high)
        {
            return frequency;
        }

        if (wavelength > Original / low)
        {
            return (float)(frequency / factor);
        }

        var smooth = ((Original / wavelength) - low) / (high - low);
        return (float)(((1 - smooth) * frequency / factor) + (smooth * frequency));
    }

    // Lanes that turn seldom within the original length are stretched (Peng and others, 2023).
    private float[] Yarn(float[] frequencies, int width)
    {
        var (first, last) = (Math.Floor(Pair(Scaling("beta_fast", 32))), Math.Ceiling(Pair(Scaling("beta_slow", 1))));
        first = Math.Max(first, 0);
        last = Math.Min(last, width - 1);
        var span = first == last ? 0.001 : last - first;
        return [.. frequencies.Select((frequency, pair) =>
        {
            var scaled = Math.Clamp((pair - first) / span, 0, 1);
            return (float)((frequency / YarnFactor() * scaled) + (frequency * (1 - scaled)));
        })];

        double Pair(double rotations) =>
            width * Math.Log(Original / (rotations * 2 * Math.PI)) / (2 * Math.Log(RopeTheta));
    }

    private double YarnFactor() => _scaling["factor"] is null ? _maxPositions / Original : Scaling("factor");

    private double YarnAttention()
    {
        if (_scaling["attention_factor"] is not null)
        {
            return Scaling("attention_factor");
        }

        return _scaling["mscale"] is not null && _scaling["mscale_all_dim"] is not null
            ? Magnitude(Scaling("mscale")) / Magnitude(Scaling("mscale_all_dim"))
            : Magnitude(1);

        double Magnitude(double weight) => YarnFactor() <= 1 ? 1 : (0.1 * weight * Math.Log(YarnFactor())) + 1;
    }

    // Frequencies are divided lane by lane (Ding and others, 2024), as Phi-3 has it.
    private double LongRopeAttention()
    {
        if (_scaling["attention_factor"] is not null)
        {
            return Scaling("attention_factor");
        }

        var factor = _scaling["factor"] is null ? _maxPositions / Original : Scaling("factor");
        return factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(Original)));
    }

    private float[] Factors(string key, int count) => _scaling[key] is JsonArray list && list.Count == count
        ? [.. list.Select(item => (float)Number(item, key, null))]
        : throw new ModelConfigException(_source, key,
            $"'{key}' of the rotary positions in '{_source}' is no list of {count} numbers, one for each pair that "
            + "turns.");

    private double Scaling(string key, double? absent = null) => Number(_scaling[key], key, absent);

    private double Number(JsonNode? node, string key, double? absent) => Number(node, key, absent, _source);

    private static double Number(JsonNode? node, string key, double? absent, string source)
    {
        return node is null && absent is { } value ? value
            : node is JsonValue json && json.TryGetValue(out double number) && number > 0 ? number
            : throw new ModelConfigException(source, key,
                $"'{key}' of the rotary positions in '{source}' is '{node?.ToJsonString() ?? "missing"}'; "
                + "expected a positive number.");
    }
}
