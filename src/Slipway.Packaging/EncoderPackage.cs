namespace Slipway.Packaging;

/// <summary>Opens the package folder of an encoder, which has no <c>genai_config.json</c>.</summary>
/// <remarks>
/// Immutable and safe for concurrent use; holds no file open. <c>models/README.md</c> specifies the folder.
/// </remarks>
public sealed class EncoderPackage
{
    internal const string GraphFile = "model.onnx";
    internal const string ConfigFile = "config.json";

    private EncoderPackage(string path, PackageManifest manifest)
    {
        Path = path;
        Manifest = manifest;
        ModelPath = System.IO.Path.Combine(path, GraphFile);
    }

    /// <summary>The package folder's full path.</summary>
    public string Path { get; }

    /// <summary>The folder's own name, the default model id.</summary>
    public string Name => new DirectoryInfo(Path).Name;

    /// <summary>The content of <c>slipway.json</c>.</summary>
    public PackageManifest Manifest { get; }

    /// <summary>The full path of the graph.</summary>
    public string ModelPath { get; }

    /// <summary>Opens a package folder and checks that its files are there and unaltered.</summary>
    /// <param name="folder">The package folder.</param>
    /// <param name="verification">How thoroughly files are compared with the manifest.</param>
    /// <exception cref="PackageException">A file is missing, altered or malformed, or it is no encoder.</exception>
    public static EncoderPackage Open(
        string folder,
        PackageVerification verification = PackageVerification.Default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        var path = PackageReader.RequireFolder(folder);
        if (File.Exists(System.IO.Path.Combine(path, ModelPackage.ConfigFile)))
        {
            throw new PackageException(
                path,
                $"The package '{path}' holds a '{ModelPackage.ConfigFile}', so it is a decoder. Chat with it, or give "
                + "the package of an encoder.");
        }

        var manifestPath = System.IO.Path.Combine(path, ModelPackage.ManifestFile);
        var manifest = ModelPackage.Read(manifestPath, PackageJson.Default.PackageManifest)
            ?? throw new PackageException(
                manifestPath,
                $"The folder '{path}' holds no '{ModelPackage.ManifestFile}', so it is no encoder's package. Export a "
                + "checkpoint with 'slipway export'.");
        PackageVerifier.RequireFile(path, GraphFile, "the graph");
        PackageVerifier.RequireFile(path, ConfigFile, "the model's configuration");
        PackageVerifier.Verify(path, manifestPath, manifest, verification);
        return new EncoderPackage(path, manifest);
    }

    /// <summary>Finds a file of the package.</summary>
    /// <param name="name">The path inside the package, for example <c>tokenizer.json</c>.</param>
    /// <returns>The full path; null where the package has no such file.</returns>
    public string? FindFile(string name)
    {
        var path = PackagePath.Resolve(Path, name);
        return path is not null && File.Exists(path) ? path : null;
    }
}
