using Slipway.Training.Text;

namespace Slipway.Training.Models;

/// <summary>Lists the architectures that can be trained.</summary>
public static class DecoderArchitectures
{
    private static readonly Dictionary<string, DecoderArchitecture> Rows = new DecoderArchitecture[]
    {
        new("LlamaForCausalLM"),
        new("MistralForCausalLM", SlidingWindow: true),
        new("Qwen2ForCausalLM", QueryKeyValueBias: true, OutputBiasFollowsAttentionBias: false),
        new("Qwen3ForCausalLM", QueryKeyNorm: true),
    }.ToDictionary(row => row.Name, StringComparer.Ordinal);

    /// <summary>The names, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Rows.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Finds an architecture by its class name.</summary>
    /// <exception cref="NotSupportedException">No row has this name.</exception>
    public static DecoderArchitecture Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Rows.TryGetValue(name, out var row)
            ? row
            : throw new NotSupportedException(
                $"Architecture '{name}' cannot be trained. The nearest is '{NearestName.Find(name, Names)}'. "
                + $"Add a row to {nameof(DecoderArchitectures)} or see CONTRIBUTING.md.");
    }
}
