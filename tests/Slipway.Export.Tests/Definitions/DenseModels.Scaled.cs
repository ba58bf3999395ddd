using static Slipway.Export.Tests.Definitions.DenseToolbox;

namespace Slipway.Export.Tests.Definitions;

// Rotary positions stretched in every way that configurations can say.
internal static partial class DenseModels
{
    private static Dictionary<string, Definition> Scaled() => new()
    {
        ["llama-yarn"] = Scaled(
            """{"rope_scaling": {"type": "yarn", "factor": 8, "original_max_position_embeddings": 512}}""",
            Yarn(32, 1), (0.1 * Math.Log(8)) + 1),
        ["llama-yarn-attention-factor"] = Scaled(
            """
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000, "factor": 8, "attention_factor": 1.3,
             "original_max_position_embeddings": 512, "beta_fast": 16, "beta_slow": 2}}
            """,
            Yarn(16, 2), 1.3),
        ["llama-yarn-magnitudes"] = Scaled(
            """
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000, "factor": 8, "mscale": 0.8,
             "mscale_all_dim": 0.5, "original_max_position_embeddings": 512, "beta_fast": null}}
            """,
            Yarn(32, 1), ((0.08 * Math.Log(8)) + 1) / ((0.05 * Math.Log(8)) + 1)),
        ["llama-yarn-one-magnitude"] = Scaled(
            """
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000, "factor": 8, "mscale": 0.8,
             "original_max_position_embeddings": 512}}
            """,
            Yarn(32, 1), (0.1 * Math.Log(8)) + 1),
        ["llama-yarn-not-truncated"] = Scaled(
            """
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000, "factor": 8, "truncate": false,
             "original_max_position_embeddings": 512}}
            """,
            Yarn(32, 1, truncate: false), (0.1 * Math.Log(8)) + 1),
        ["llama-yarn-no-factor"] = Scaled(
            """
            {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000, "factor": null,
             "original_max_position_embeddings": 512}}
            """,
            Yarn(32, 1), (0.1 * Math.Log(8)) + 1),
        ["llama3"] = Scaled(
            """
            {"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
             "original_max_position_embeddings": 256}}
            """,
            [.. Frequencies(HeadSize, Theta).Select(Llama3)], 1),
        ["phi3-longrope-factor"] = new(
            Config(
                "Phi3ForCausalLM",
                """
                {"rms_norm_eps": 1e-5, "rope_scaling": {"type": "longrope", "factor": 3,
                 "original_max_position_embeddings": 64, "short_factor": [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
                 "long_factor": [2, 2, 2, 2, 2, 2, 2, 2]}}
                """),
            (model, ids) => Phi3(
                model, ids,
                [.. Frequencies(HeadSize, Theta).Select((frequency, pair) => frequency / (1 + (0.1 * pair)))],
                1 + (Math.Log(3) / Math.Log(64)), window: null)),
    };

    // Cosines and sines carry the factor, so scores carry it twice.
    private static Definition Scaled(string keys, double[] frequencies, double factor) => new(
        Config("LlamaForCausalLM", keys),
        (model, ids) => Plain(
            model, ids, new() { Frequencies = frequencies, Scale = factor * factor / Math.Sqrt(HeadSize) }, 1e-6));

    // Eight times 512 positions; pairs that make more than 'fast' rounds in those are kept, below 'slow' all stretched.
    private static double[] Yarn(double fast, double slow, bool truncate = true)
    {
        double first = Pair(fast), last = Pair(slow);
        if (truncate)
        {
            (first, last) = (Math.Floor(first), Math.Ceiling(last));
        }

        (first, last) = (Math.Max(first, 0), Math.Min(last, HeadSize - 1));
        return
        [
            .. Frequencies(HeadSize, Theta).Select((frequency, pair) =>
            {
                var share = Math.Clamp((pair - first) / (last - first), 0, 1);
                return (share * frequency / 8) + ((1 - share) * frequency);
            }),
        ];

        // The pair that makes so many rounds.
        static double Pair(double rounds) => HeadSize / 2.0 * Math.Log(512 / (2 * Math.PI * rounds), Theta);
    }

    private static double Llama3(double frequency)
    {
        var wave = 2 * Math.PI / frequency;
        if (wave < 256 / 4.0)
        {
            return frequency;
        }

        if (wave > 256)
        {
            return frequency / 8;
        }

        var smooth = ((256 / wave) - 1) / (4 - 1);
        return ((1 - smooth) * frequency / 8) + (smooth * frequency);
    }
}
