using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// Finds the parameters of Llama 3's rotary scaling from the divisors of the frequencies, which is what the file holds.
// A divisor is 1 / ((1 - s) / factor + s), where s = clamp((context / wavelength - low) / (high - low), 0, 1). The
// divisors determine factor, context / (high - low) and low / (high - low): with the context given, all of it.
internal static class Llama3Scaling
{
    private const double Context = 8192;
    private const double Tolerance = 1e-4;

    public static JsonObject Recover(GgufConfig config, double theta, float[] divisors, GgufTensor tensor)
    {
        var waves = Enumerable.Range(0, divisors.Length)
            .Select(i => Math.Pow(theta, -(double)i / divisors.Length) / (2 * Math.PI)).ToArray();
        var context = config.OptionalInteger("rope.scaling.original_context_length") ?? Context;
        double factor = divisors.Length == 0 ? 0 : divisors.Max();
        if (divisors.All(divisor => divisor >= 1 && float.IsFinite(divisor)))
        {
            var found = Fit(divisors, waves, factor, context);
            if (Enumerable.Range(0, divisors.Length).All(
                i => Math.Abs(Divisor(waves[i] * context, factor, found) - divisors[i]) <= Tolerance * divisors[i]))
            {
                return new JsonObject
                {
                    ["rope_type"] = "llama3",
                    ["factor"] = factor,
                    ["low_freq_factor"] = found.Low,
                    ["high_freq_factor"] = found.High,
                    ["original_max_position_embeddings"] = (long)context,
                };
            }
        }

        throw new CheckpointException(
            $"Tensor '{tensor.Name}' of '{tensor.File.Path}' holds rotary divisors that are not those of Llama 3's " +
            "scaling, the only one supported in this form. Export the model from its Hugging Face checkpoint.",
            tensor.File.Path, tensor.Name);
    }

    private static double Divisor(double turns, double factor, (double Low, double High) limits)
    {
        var kept = Math.Clamp((turns - limits.Low) / (limits.High - limits.Low), 0, 1);
        return 1 / (((1 - kept) / factor) + kept);
    }

    // A line through the outermost blended points; the published values where they fit.
    private static (double Low, double High) Fit(float[] divisors, double[] waves, double factor, double context)
    {
        var points = Enumerable.Range(0, divisors.Length)
            .Where(i => divisors[i] > 1 + Tolerance && divisors[i] < factor * (1 - Tolerance))
            .Select(i => (
                Turns: waves[i] * context,
                Kept: ((1 / (double)divisors[i]) - (1 / factor)) / (1 - (1 / factor))))
            .ToArray();
        if (points.Length < 2 || points[0].Kept == points[^1].Kept)
        {
            return (1, 4);
        }

        var span = (points[0].Turns - points[^1].Turns) / (points[0].Kept - points[^1].Kept);
        var low = points[0].Turns - (points[0].Kept * span);
        return (Snap(low), Snap(low + span));
    }

    private static double Snap(double value) =>
        Math.Abs(value - Math.Round(value)) <= 1e-3 * Math.Abs(value) ? Math.Round(value) : value;
}
