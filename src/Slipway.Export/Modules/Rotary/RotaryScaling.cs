using Slipway.Export.Configuration;

namespace Slipway.Export.Modules.Rotary;

/// <summary>
/// The frequencies of rotary positions, and the factor of cosines and sines, as a configuration says.
/// </summary>
/// <param name="Frequencies">Radians a position, one for each pair.</param>
/// <param name="Factor">What cosines and sines are multiplied by.</param>
internal sealed record RotaryScaling(double[] Frequencies, double Factor)
{
    /// <summary>Scaling of sequences longer than <see cref="Length"/>; null for the same.</summary>
    public RotaryScaling? Beyond { get; init; }

    /// <summary>The longest sequence that has these frequencies.</summary>
    public int Length { get; init; }

    private static readonly Dictionary<string, Func<RotarySettings, RotaryScaling>> Types = new()
    {
        ["default"] = settings => new(settings.Plain(), 1),
        ["dynamic"] = Dynamic,
        ["linear"] = Linear,
        ["llama3"] = Llama3,
        ["longrope"] = LongRope,
        ["proportional"] = settings => Proportional(
            settings.Size, settings.Theta, settings.Section.Number("partial_rotary_factor", 1),
            settings.Section.Has("factor") ? settings.Positive("factor") : 1),
        ["su"] = LongRope,
        ["yarn"] = Yarn,
    };

    /// <summary>Frequencies without scaling.</summary>
    public static RotaryScaling Plain(int rotarySize, double theta) =>
        new(RotarySettings.Plain(rotarySize, theta), 1);

    /// <summary>Frequencies of which only the first share turns.</summary>
    public static RotaryScaling Proportional(int rotarySize, double theta, double share, double factor = 1)
    {
        var turning = (int)Math.Floor(Math.Clamp(share, 0, 1) * rotarySize / 2);
        return new(
            [.. RotarySettings.Plain(rotarySize, theta)
                .Select((frequency, pair) => pair < turning ? frequency / factor : 0)], 1);
    }

    /// <summary>
    /// Reads <c>rope_parameters</c> of newer configurations, or <c>rope_theta</c> and <c>rope_scaling</c>.
    /// </summary>
    public static RotaryScaling Read(ConfigReader config, int rotarySize)
    {
        var key = config.Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        var section = config.Section(key);
        return section?.Has("full_attention") == true || section?.Has("sliding_attention") == true
            ? throw config.Unsupported(key, "the same parameters for all layers")
            : Read(config, section, config.Number("rope_theta", 10000), rotarySize);
    }

    /// <summary>Reads one of several sections.</summary>
    /// <param name="config">The whole configuration.</param>
    /// <param name="section">The section; null for no scaling.</param>
    /// <param name="defaultTheta">The base where the section has none.</param>
    /// <param name="rotarySize">The part of a head that turns.</param>
    public static RotaryScaling Read(ConfigReader config, ConfigReader? section, double defaultTheta, int rotarySize)
    {
        var source = section ?? config;
        var key = section?.Has("rope_type") == true ? "rope_type" : "type";
        var type = section?.Text(key, "default") ?? "default";
        var theta = section?.Has("rope_theta") == true ? section.Number("rope_theta") : defaultTheta;
        if (theta <= 0)
        {
            throw config.Bad("rope_theta", "a positive number");
        }

        return Types.TryGetValue(type, out var read)
            ? read(new RotarySettings(source, config, theta, rotarySize))
            : throw source.Unsupported(key, string.Join(", ", Types.Keys.Select(name => $"'{name}'")));
    }

    private static RotaryScaling Linear(RotarySettings settings)
    {
        var factor = settings.Positive("factor");
        return new([.. settings.Plain().Select(frequency => frequency / factor)], 1);
    }

    // Bases grow with sequences beyond the length that the model was made for; a package ends there.
    private static RotaryScaling Dynamic(RotarySettings settings)
    {
        settings.Positive("factor");
        if (settings.Section.Has("alpha"))
        {
            var raised = settings.Positive("alpha");
            var other = settings with
            {
                Theta = settings.Theta * Math.Pow(raised, settings.Size / (settings.Size - 2.0)),
            };
            return new(other.Plain(), 1);
        }

        return new(settings.Plain(), 1);
    }

    // Source: LongRoPE (arXiv 2402.13753), as Phi-3 has it.
    private static RotaryScaling LongRope(RotarySettings settings)
    {
        var plain = settings.Plain();
        var original = settings.Original;
        var factor = settings.Section.Has("factor")
            ? settings.Positive("factor")
            : (double)settings.Config.Int("max_position_embeddings") / original;
        var attention = settings.Section.Has("attention_factor") ? settings.Positive("attention_factor")
            : factor <= 1 ? 1
            : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original)));
        return Set("short") with { Beyond = Set("long"), Length = original };

        // Phi-3.5 with experts states the factor of each set.
        RotaryScaling Set(string name) => new(
            Divided($"{name}_factor"),
            settings.Section.Has($"{name}_mscale") ? settings.Positive($"{name}_mscale") : attention);

        double[] Divided(string key)
        {
            var factors = settings.Section.Numbers(key) is { } list && list.Count == plain.Length
                && list.All(value => value > 0)
                ? list
                : throw settings.Section.Bad(key, $"{plain.Length} positive numbers, one for each pair that turns");
            return [.. plain.Zip(factors, (frequency, divisor) => frequency / divisor)];
        }
    }

    // Long waves are stretched by the factor, short ones kept, those between blended.
    private static RotaryScaling Llama3(RotarySettings settings)
    {
        var factor = settings.Positive("factor");
        double low = settings.Positive("low_freq_factor"), high = settings.Positive("high_freq_factor");
        double context = settings.Original;
        return new([.. settings.Plain().Select(Scale)], 1);

        double Scale(double frequency)
        {
            var waves = context * frequency / (2 * Math.PI);
            var kept = Math.Clamp((waves - low) / (high - low), 0, 1);
            return (kept * frequency) + ((1 - kept) * frequency / factor);
        }
    }

    // Source: YaRN (arXiv 2309.00071), as Hugging Face computes it.
    private static RotaryScaling Yarn(RotarySettings settings)
    {
        double context = settings.Original;
        var factor = settings.Section.Has("factor")
            ? settings.Positive("factor")
            : settings.Config.Int("max_position_embeddings") / context;
        double first = Pair(settings.Section.Number("beta_fast", 32)),
            last = Pair(settings.Section.Number("beta_slow", 1));
        if (settings.Section.Flag("truncate", true))
        {
            (first, last) = (Math.Floor(first), Math.Ceiling(last));
        }

        first = Math.Max(first, 0);
        last = Math.Min(last, settings.Size - 1);
        var span = first == last ? 0.001 : last - first;
        double[] frequencies =
        [
            .. settings.Plain().Select((frequency, pair) =>
            {
                var scaled = Math.Clamp((pair - first) / span, 0, 1);
                return (frequency / factor * scaled) + (frequency * (1 - scaled));
            }),
        ];
        return new(frequencies, AttentionFactor());

        double Pair(double rotations) =>
            settings.Size * Math.Log(context / (rotations * 2 * Math.PI)) / (2 * Math.Log(settings.Theta));

        double AttentionFactor()
        {
            if (settings.Section.Has("attention_factor"))
            {
                return settings.Section.Number("attention_factor");
            }

            double all = settings.Section.Number("mscale_all_dim", 0), own = settings.Section.Number("mscale", 0);
            return all != 0 && own != 0 ? Magnitude(own) / Magnitude(all) : Magnitude(1);
        }

        double Magnitude(double weight) => factor <= 1 ? 1 : (0.1 * weight * Math.Log(factor)) + 1;
    }
}

/// <summary>Settings that the types of rotary scaling compute from.</summary>
internal sealed record RotarySettings(ConfigReader Section, ConfigReader Config, double Theta, int Size)
{
    /// <summary>The frequencies without scaling: theta^(−2·pair/size).</summary>
    public double[] Plain() => Plain(Size, Theta);

    public static double[] Plain(int size, double theta) =>
        [.. Enumerable.Range(0, (size + 1) / 2).Select(pair => Math.Pow(theta, -2.0 * pair / size))];

    /// <summary>The length before stretching; the whole configuration's word counts before the section's.</summary>
    public int Original => (Config.Has("original_max_position_embeddings") ? Config : Section)
        .Int("original_max_position_embeddings", Config.Int("max_position_embeddings"));

    public double Positive(string key) => Section.Number(key) is > 0 and var number
        ? number
        : throw Section.Bad(key, "a positive number");
}
