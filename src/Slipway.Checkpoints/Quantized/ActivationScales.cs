using System.Text.RegularExpressions;

namespace Slipway.Checkpoints.Quantized;

// Scales by which inputs, outputs, keys and values are quantized while a model runs. They are told and not imitated:
// activations stay floats, which is more exact.
internal static partial class ActivationScales
{
    public static bool IsName(string tensor) => Name().IsMatch(tensor);

    // Takes such tensors, so that they are no longer among the model's.
    public static IReadOnlyList<string> Take(QuantizedParts parts)
    {
        string[] names = [.. parts.Checkpoint.Tensors.Keys
            .Where(name => !parts.IsTaken(name) && IsName(name)).Order(StringComparer.Ordinal)];
        foreach (var name in names)
        {
            parts.Leave(name);
        }

        return names;
    }

    public static IEnumerable<string> Warn(string path, IReadOnlyList<string> names, string? key)
    {
        string[] signs =
        [
            .. key is null ? [] : new[] { $"'{key}' of its configuration" },
            .. names.Count == 0 ? [] : new[] { $"{names.Count} tensors such as '{names[0]}'" },
        ];
        if (signs.Length > 0)
        {
            yield return $"The checkpoint '{path}' prescribes that activations are quantized too "
                + $"({string.Join(", ", signs)}). They stay floats, which is more exact; only its weights are read.";
        }
    }

    [GeneratedRegex(
        @"\.((input|output|[qkv]|kv|attn|softmax)_(global_)?(scale|scale_ub|zero_point)|activation_scale)\z")]
    private static partial Regex Name();
}
