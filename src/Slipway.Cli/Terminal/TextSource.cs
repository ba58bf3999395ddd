using System.Text;
using Slipway.Checkpoints;
using Slipway.Tokenization;

namespace Slipway.Cli.Terminal;

/// <summary>The text side of a package, a checkpoint or a folder: tokenizer and chat template.</summary>
internal static class TextSource
{
    private const string TokenizerFile = "tokenizer.json";

    public static HuggingFaceTokenizer LoadTokenizer(string path)
    {
        if (Directory.Exists(path) && File.Exists(Path.Combine(path, TokenizerFile)))
        {
            return HuggingFaceTokenizer.Load(path);
        }

        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && File.Exists(path))
        {
            return HuggingFaceTokenizer.Load(path);
        }

        using var checkpoint = Checkpoint.Open(path);
        return HuggingFaceTokenizer.Parse(
            checkpoint.ReadFile(TokenizerFile)
                ?? throw new UsageException(
                    $"'{path}' holds no '{TokenizerFile}'. Name a package or a folder that does."),
            path);
    }

    /// <summary>Reads a file of a package, folder or checkpoint; null where it has none.</summary>
    public static byte[]? ReadFile(string path, string name)
    {
        if (Directory.Exists(path))
        {
            var file = Path.Combine(path, name);
            if (File.Exists(file))
            {
                return File.ReadAllBytes(file);
            }

            if (!Directory.EnumerateFiles(path, "*.gguf").Any())
            {
                return null;
            }
        }

        using var checkpoint = Checkpoint.Open(path);
        return checkpoint.ReadFile(name);
    }

    public static string? ReadText(string path, string name) =>
        ReadFile(path, name) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;
}
