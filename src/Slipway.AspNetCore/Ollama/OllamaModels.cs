using System.Security.Cryptography;
using System.Text;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;
using Slipway.Packaging;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Finds and describes models under the names that Ollama gives them, with a tag.</summary>
internal static class OllamaModels
{
    private const string Latest = ":latest";

    /// <summary>Finds a model and, after a colon, one of its adapters; the tag <c>latest</c> names none.</summary>
    /// <exception cref="OpenAIException">There is no such model.</exception>
    public static (ServedModel Model, string? Adapter) Find(ModelCatalog catalog, string name)
    {
        if (name.Length == 0)
        {
            throw new OpenAIException(400, "model is required; expected a name of '/api/tags'.", "model");
        }

        try
        {
            return catalog.Find(!catalog.Names.Contains(name) && name.EndsWith(Latest, StringComparison.Ordinal)
                ? name[..^Latest.Length] : name);
        }
        catch (OpenAIException error) when (error.Status == 404)
        {
            // Callers look for these words, and pull what was not found.
            throw new OpenAIException(
                404, $"model '{OpenAIException.Excerpt(name)}' not found; there is "
                + $"{string.Join(", ", catalog.Names.Select(other => $"'{other}'"))}.");
        }
    }

    /// <summary>Adds the tag that a name has where it says none.</summary>
    private static string Tagged(string name) => name.Contains(':', StringComparison.Ordinal) ? name : name + Latest;

    /// <summary>Describes a model under one of its names, a package by its files.</summary>
    public static OllamaModel Describe(string name, ServedModel model, DateTimeOffset created)
    {
        if (model.Folder is not { } folder)
        {
            return new OllamaModel(
                Tagged(name), created, 0, Digest(Encoding.UTF8.GetBytes(model.Name)),
                new OllamaDetails("", "", [], ""));
        }

        var manifest = ManifestOf(folder);
        var file = new FileInfo(Path.Combine(folder, ModelPackage.ManifestFile));
        var family = manifest?.Architecture ?? "";
        return new OllamaModel(
            Tagged(name), file.Exists ? file.LastWriteTimeUtc : created,
            manifest?.Files.Sum(part => part.Bytes)
                ?? new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(part => part.Length),
            Digest(file.Exists ? File.ReadAllBytes(file.FullName) : Encoding.UTF8.GetBytes(folder)),
            new OllamaDetails("onnx", family, family.Length == 0 ? [] : [family], manifest?.Precision ?? ""));
    }

    /// <summary>Reads the manifest of a package; null where another library made it.</summary>
    public static PackageManifest? ManifestOf(string folder)
        => File.Exists(Path.Combine(folder, ModelPackage.ConfigFile))
            ? ModelPackage.Open(folder, PackageVerification.Sizes).Manifest
            : EncoderPackage.Open(folder, PackageVerification.Sizes).Manifest;

    private static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
