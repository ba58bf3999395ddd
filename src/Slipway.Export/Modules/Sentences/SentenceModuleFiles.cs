using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Configuration;

namespace Slipway.Export.Modules.Sentences;

/// <summary>The files of one module of a sentence-embedding model.</summary>
internal sealed class SentenceModuleFiles(Checkpoint checkpoint, ConfigReader entry)
{
    private static readonly string[] WeightFiles = ["model.safetensors", "pytorch_model.bin"];

    /// <summary>The module's folder below the checkpoint's.</summary>
    public string Name { get; } = entry.Text("path");

    /// <summary>The name of the module's own settings; null for a module at the model's root.</summary>
    public string? ConfigFile => Name.Length == 0 ? null : Checked($"{Name}/config.json");

    /// <summary>Reads the module's <c>config.json</c>.</summary>
    public (ConfigReader Config, JsonObject Keys) Config()
    {
        var file = $"{Name}/config.json";
        var content = Read(file) ?? throw Bad(checkpoint, file, "a file");
        var keys = Parse(checkpoint, file, content) as JsonObject ?? throw Bad(checkpoint, file, "an object");
        return (new ConfigReader(keys, $"{checkpoint.Path} ({file})"), keys);
    }

    /// <summary>Reads the module's <c>config.json</c>, which it may do without.</summary>
    public ConfigReader OptionalConfig() => Name.Length > 0 && Read($"{Name}/config.json") is not null
        ? Config().Config
        : new ConfigReader([], $"{checkpoint.Path} ({Name})");

    /// <summary>Opens the module's weights.</summary>
    public Checkpoint OpenWeights()
    {
        var folder = Directory.Exists(checkpoint.Path)
            ? checkpoint.Path
            : Path.GetDirectoryName(Path.GetFullPath(checkpoint.Path))!;
        var files = WeightFiles.Select(file => Path.Combine(folder, Name, file)).ToArray();
        return Checkpoint.Open(Array.Find(files, File.Exists) ?? throw new CheckpointException(
            $"The module '{Name}' of '{checkpoint.Path}' has no weights; expected "
            + $"{string.Join(" or ", WeightFiles.Select(file => $"'{Name}/{file}'"))}. Copy the whole folder of the "
            + "model, with its subfolders.", checkpoint.Path));
    }

    public static JsonNode? Parse(Checkpoint checkpoint, string file, byte[] content)
    {
        try
        {
            return JsonNode.Parse(
                content, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException exception)
        {
            throw new CheckpointException(
                $"'{file}' of '{checkpoint.Path}' is not valid JSON: {exception.Message} Correct the file.",
                checkpoint.Path, innerException: exception);
        }
    }

    public static CheckpointException Bad(Checkpoint checkpoint, string file, string expected) => new(
        $"'{file}' of '{checkpoint.Path}' does not hold {expected}. Correct it, or copy the whole folder of the model, "
        + "with its subfolders.", checkpoint.Path);

    private byte[]? Read(string file) => checkpoint.ReadFile(Checked(file));

    private string Checked(string file)
        => Name.Split('/', '\\').Any(part => part is "" or "." or "..") || Name.Contains(':')
        ? throw new CheckpointException(
            $"'{file}' is no name of a file below '{checkpoint.Path}'; 'modules.json' gives it to "
            + $"'{entry.Text("type")}'. Give the module a folder of its own there.", checkpoint.Path)
        : file;
}
