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

    // Take the place of single rows.
    TokenRows,

    // Takes the place of the model's own tensor.
    Replacement,
}

// Reads the names that PEFT gives to an adapter's tensors.
internal static class LoraTensorNames
{
    private const string Prefix = "base_model.model.";

    private static readonly (string Suffix, LoraPart Part)[] Suffixes =
    [
        (".lora_A.weight", LoraPart.Down),
        (".lora_B.weight", LoraPart.Up),
        (".lora_B.bias", LoraPart.UpBias),
        (".lora_embedding_A", LoraPart.EmbeddingDown),
        (".lora_embedding_B", LoraPart.EmbeddingUp),
        (".lora_magnitude_vector", LoraPart.Magnitude),
        (".lora_magnitude_vector.weight", LoraPart.Magnitude),
        (".token_adapter.trainable_tokens_delta", LoraPart.TokenRows),
        (".trainable_tokens_delta", LoraPart.TokenRows),
    ];

    // What PEFT puts into the names of modules that it wraps.
    private static readonly string[] Wrappers =
        [".token_adapter.base_layer.", ".base_layer.", ".modules_to_save."];

    // The module and the part; for a replacement the tensor's whole name. Null where the name is of no known kind.
    public static (string Name, LoraPart Part)? Parse(string tensor)
    {
        if (!tensor.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var name = tensor[Prefix.Length..].Replace(".default", "", StringComparison.Ordinal);
        foreach (var (suffix, part) in Suffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
            {
                return (name[..^suffix.Length], part);
            }
        }

        return name.Contains(".lora_", StringComparison.Ordinal) ? null
            : (Wrappers.Aggregate(name, (plain, wrapper) => plain.Replace(wrapper, ".", StringComparison.Ordinal)),
                LoraPart.Replacement);
    }
}
