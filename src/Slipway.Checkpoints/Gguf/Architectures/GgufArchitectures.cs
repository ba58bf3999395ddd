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
        new Qwen3MoeArchitecture(),
        new Gemma2Architecture(),
        new Gemma3Architecture(),
        new Phi3Architecture(),
        new Gpt2Architecture(),
        new FalconArchitecture(),
        new Starcoder2Architecture(),
        new GraniteArchitecture(),
        new Olmo2Architecture(),
        new SmolLm3Architecture(),
        new GptOssArchitecture(),
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
