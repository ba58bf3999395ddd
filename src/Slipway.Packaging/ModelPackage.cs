using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Slipway.Packaging;

/// <summary>Opens a package folder: the one contract between export and runtime.</summary>
/// <remarks>
/// Immutable and safe for concurrent use; holds no file open. <c>models/README.md</c> specifies the folder.
/// </remarks>
public sealed class ModelPackage
{
    /// <summary>The file that describes the package.</summary>
    public const string ConfigFile = "genai_config.json";

    /// <summary>The file that lists the package's files and how they were made.</summary>
    public const string ManifestFile = "slipway.json";

    private const long MaxJson = 16 << 20;
    private const long MaxFile = 64 << 20;

    private static readonly JsonDocumentOptions JsonOptions = new()
    {
        AllowDuplicateProperties = false,
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
        MaxDepth = PackageJson.Default.Options.MaxDepth,
    };

    private ModelPackage(string path, GenAIConfig config, PackageManifest? manifest)
    {
        Path = path;
        Config = config;
        Manifest = manifest;
        ModelPath = System.IO.Path.Combine(path, config.Model.Decoder.Filename);
    }

    /// <summary>The package folder's full path.</summary>
    public string Path { get; }

    /// <summary>The folder's own name, the default model id.</summary>
    public string Name => new DirectoryInfo(Path).Name;

    /// <summary>
    /// The content of <c>genai_config.json</c>, or what stands for it in a folder that Optimum wrote.
    /// </summary>
    /// <remarks>
    /// In a package made elsewhere, <c>EosTokenId</c> also holds the end tokens of <c>generation_config.json</c>,
    /// <c>config.json</c> and the tokenizer's own files.
    /// </remarks>
    public GenAIConfig Config { get; }

    /// <summary>The content of <c>slipway.json</c>; null for a package made elsewhere.</summary>
    public PackageManifest? Manifest { get; }

    /// <summary>The full path of the decoder graph.</summary>
    public string ModelPath { get; }

    /// <summary>Stamps of the files that were compared with the manifest, by full path.</summary>
    internal IReadOnlyDictionary<string, FileStamp> Verified { get; private set; } =
        new Dictionary<string, FileStamp>(StringComparer.Ordinal);

    /// <summary>The chat templates that were edited since the package was made, by their paths inside it.</summary>
    /// <remarks>All other files must be as the manifest states them.</remarks>
    public IReadOnlyList<string> EditedTemplates { get; private set; } = [];

    /// <summary>Opens a package folder and checks that its files are there and unaltered.</summary>
    /// <remarks>A folder with a decoder that Hugging Face Optimum wrote is opened too.</remarks>
    /// <param name="folder">The package folder.</param>
    /// <param name="verification">How thoroughly files are compared with the manifest.</param>
    /// <exception cref="PackageException">A file is missing, altered or malformed.</exception>
    public static ModelPackage Open(
        string folder,
        PackageVerification verification = PackageVerification.Default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        var path = PackageReader.RequireFolder(folder);
        var configPath = System.IO.Path.Combine(path, ConfigFile);
        var config = Read(configPath, PackageJson.Default.GenAIConfig)
            ?? (IsEncoder(path)
                ? null : OptimumFolder.Describe(path, file => Read(file, PackageJson.Default.JsonObject)))
            ?? throw NotADecoder(path, configPath);
        GenAIConfigValidation.Validate(configPath, config);

        var manifestPath = System.IO.Path.Combine(path, ManifestFile);
        var manifest = Read(manifestPath, PackageJson.Default.PackageManifest);
        var package = new ModelPackage(path, config, manifest);
        PackageVerifier.RequireFile(path, config.Model.Decoder.Filename, $"as '{ConfigFile}' says");
        if (manifest is null)
        {
            // An export has united the end tokens already.
            return new ModelPackage(path, EndTokens.Unite(package), manifest: null);
        }

        (package.Verified, package.EditedTemplates) =
            PackageVerifier.Verify(path, manifestPath, manifest, verification);
        return package;
    }

    private static PackageException NotADecoder(string path, string configPath)
        => IsEncoder(path)
            ? new(
                path,
                $"The package '{path}' is an encoder's, which writes no text. Embed with OnnxEmbeddingGenerator or "
                + "'slipway embed', or give the package of a decoder.")
            : new(
                configPath,
                $"The folder '{path}' holds no '{ConfigFile}', so it is not a package. Export a checkpoint with "
                + "'slipway export', or give the folder of a package that ONNX Runtime GenAI reads or Optimum wrote.");

    // An export of a decoder has a configuration of its own beside these files, and Optimum writes no manifest.
    private static bool IsEncoder(string path)
        => new[] { ManifestFile, EncoderPackage.GraphFile, EncoderPackage.ConfigFile }.All(
            name => File.Exists(System.IO.Path.Combine(path, name)));

    /// <summary>Finds a file of the package.</summary>
    /// <param name="name">The path inside the package, for example <c>tokenizer.json</c>.</param>
    /// <returns>The full path; null where the package has no such file.</returns>
    public string? FindFile(string name)
    {
        var path = PackagePath.Resolve(Path, name);
        return path is not null && File.Exists(path) ? path : null;
    }

    /// <summary>Reads a small file of the package.</summary>
    /// <param name="name">The path inside the package, for example <c>tokenizer_config.json</c>.</param>
    /// <returns>Its content; null where the package has no such file.</returns>
    /// <exception cref="PackageException">The file is larger than 64 MB, or cannot be read.</exception>
    public byte[]? ReadFile(string name)
        => PackagePath.Resolve(Path, name) is { } path ? PackageReader.Read(path, MaxFile) : null;

    /// <summary>Lists the package's files with their sizes in bytes, links followed.</summary>
    /// <returns>Names with forward slashes: those that the manifest lists and itself, or else all that the folder
    /// holds.</returns>
    public IReadOnlyDictionary<string, long> ListFiles()
    {
        var names = Manifest?.Files is null
            ? new DirectoryInfo(Path).EnumerateFiles("*", SearchOption.AllDirectories)
                .Select(file => System.IO.Path.GetRelativePath(Path, file.FullName).Replace('\\', '/'))
            : Manifest.Files.Select(file => file.Name).Append(ManifestFile);
        return names.Distinct().Order(StringComparer.Ordinal).ToDictionary(name => name, name =>
        {
            using var file = PackageReader.TryOpen(System.IO.Path.Combine(Path, name));
            return file is null ? 0 : RandomAccess.GetLength(file);
        });
    }

    internal static T? Read<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        if (PackageReader.Read(path, MaxJson) is not { } content)
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(new MemoryStream(content), JsonOptions);
            return document.Deserialize(type)
                ?? throw new PackageException(path, $"The file '{path}' holds 'null'; a JSON object was expected.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new PackageException(
                path,
                $"The file '{path}' is not valid: {e.Message} Export the package again, or mend the file.",
                e);
        }
    }
}
