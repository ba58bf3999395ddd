namespace Slipway.Checkpoints.Gguf.Architectures;

// The architectures that can be translated, one row each.
internal static class GgufArchitectures
{
    private const string Key = "general.architecture";

    private static readonly Dictionary<string, GgufArchitecture> Rows = new GgufArchitecture[]
    {
        new LlamaArchitecture(),
        new Qwen2Architecture(),
        new Qwen3Architecture(),
    }.ToDictionary(row => row.Name, StringComparer.Ordinal);

    public static GgufArchitecture Find(GgufFile file)
    {
        var name = file.Metadata.RequiredText(Key);
        return Rows.TryGetValue(name, out var row) ? row : throw new CheckpointException(
            $"The architecture '{name}' of the GGUF file '{file.Path}' is not supported. Supported are " +
            $"{string.Join(", ", Rows.Keys.Order(StringComparer.Ordinal).Select(row => $"'{row}'"))}; or export the " +
            "model from its Hugging Face checkpoint.", file.Path);
    }
}
