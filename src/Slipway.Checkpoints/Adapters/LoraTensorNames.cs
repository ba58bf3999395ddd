namespace Slipway.Checkpoints.Adapters;

// What a tensor of an adapter is to a module.
internal enum LoraPart
{
    Down,
    Up,
    UpBias,
    EmbeddingDown,
    EmbeddingUp,
    Magnitude,

    // Takes the place of the model's own tensor.
    Replacement,
}

// Reads the names that PEFT gives to an adapter's tensors.
internal static class LoraTensorNames
{
    private const string Prefix = "base_model.model.";
    private const string OriginalLayer = ".base_layer.";

    private static readonly (string Suffix, LoraPart Part)[] Suffixes =
    [
        (".lora_A.weight", LoraPart.Down),
        (".lora_B.weight", LoraPart.Up),
        (".lora_B.bias", LoraPart.UpBias),
        (".lora_embedding_A", LoraPart.EmbeddingDown),
        (".lora_embedding_B", LoraPart.EmbeddingUp),
        (".lora_magnitude_vector", LoraPart.Magnitude),
        (".lora_magnitude_vector.weight", LoraPart.Magnitude),
    ];

    // The module and the part; for a replacement the tensor's whole name. Null where the name is of no known kind.
    public static (string Name, LoraPart Part)? Parse(string tensor)
    {
        if (!tensor.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var name = tensor[Prefix.Length..];
        foreach (var (suffix, part) in Suffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
            {
                return (name[..^suffix.Length], part);
            }
        }

        return name.Contains(".lora_", StringComparison.Ordinal) ? null
            : (name.Replace(OriginalLayer, ".", StringComparison.Ordinal), LoraPart.Replacement);
    }
}
