using Slipway.Checkpoints;
using Slipway.Tokenization;

namespace Slipway.Cli.Terminal;

/// <summary>The text side of a package, a checkpoint, a folder or a file: tokenizer and chat template.</summary>
internal static class TextSource
{
    private const string TokenizerFile = "tokenizer.json";

    /// <summary>Reads the tokenizer of a source; tells on standard error what was presumed.</summary>
    public static HuggingFaceTokenizer LoadTokenizer(string path, VerbContext context)
    {
        var tokenizer = LoadTokenizer(path);
        foreach (var warning in tokenizer.Warnings)
        {
            context.Error.WriteLine($"slipway: warning: {warning}");
        }

        return tokenizer;
    }

    /// <summary>Reads a file of a source; null where it has none.</summary>
    public static byte[]? ReadFile(string path, string name)
    {
        var folder = Directory.Exists(path) ? path : HuggingFaceTokenizer.Exists(path) ? FolderOf(path) : null;
        if (folder is not null)
        {
            var file = Path.Combine(folder, name);
            if (File.Exists(file))
            {
                return File.ReadAllBytes(file);
            }

            if (folder != path || !HoldsGguf(folder))
            {
                return null;
            }
        }

        using var checkpoint = Checkpoint.Open(path);
        return checkpoint.ReadFile(name);
    }

    private static HuggingFaceTokenizer LoadTokenizer(string path)
    {
        if (HuggingFaceTokenizer.Exists(path))
        {
            return HuggingFaceTokenizer.Load(path);
        }

        // A GGUF file holds a tokenizer; other weights have it in their folder.
        if (!Directory.Exists(path) || HoldsGguf(path))
        {
            using var checkpoint = Checkpoint.Open(path);
            if (checkpoint.ReadFile(TokenizerFile) is { } content)
            {
                return HuggingFaceTokenizer.Parse(content, path);
            }
        }

        var folder = Directory.Exists(path) ? path : FolderOf(path);
        return HuggingFaceTokenizer.Exists(folder) ? HuggingFaceTokenizer.Load(folder) : throw new UsageException(
            $"'{path}' has no tokenizer. Name a package, a checkpoint or a GGUF file that has one, or a folder or file "
            + $"of these: {HuggingFaceTokenizer.FileNames}.");
    }

    private static bool HoldsGguf(string folder) => Directory.EnumerateFiles(folder, "*.gguf").Any();

    private static string FolderOf(string file) => Path.GetDirectoryName(Path.GetFullPath(file))!;
}
