using System.Text.Json;

namespace Slipway.Tokenization.Files;

/// <summary>Reads a JSON file that lies beside a vocabulary.</summary>
internal static class JsonFile
{
    /// <summary>Reads a file; does nothing where there is none.</summary>
    /// <exception cref="TokenizerFormatException">The file is damaged.</exception>
    public static void Read(string path, Action<Section> read)
    {
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            ReadOnlyMemory<byte> json = File.ReadAllBytes(path);
            using var document = JsonDocument.Parse(json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json);
            read(new Section(document.RootElement, string.Empty, path));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new TokenizerFormatException(
                $"Tokenizer '{path}' is not valid JSON: {exception.Message} Download it again.", path, exception);
        }
    }
}
