using System.Security.Cryptography;
using System.Text;
using Slipway.Packaging;

namespace Slipway.Evaluation.Tasks;

/// <summary>Identifies what a package holds.</summary>
internal static class PackageHash
{
    // The template is the one file, or else a part of the other.
    private static readonly string[] TemplateFiles = ["chat_template.jinja", "tokenizer_config.json"];

    /// <summary>Hashes the package's files, by the manifest's hashes where it has them.</summary>
    public static string Of(ModelPackage package)
    {
        return package.Manifest is { Files.Count: > 0 } manifest
            ? Of(manifest)
            : OfLines(Directory.EnumerateFiles(package.Path)
                .Select(path => $"{Path.GetFileName(path)} {OfFile(path)}"));
    }

    /// <summary>Hashes the files that a manifest lists, by its hashes.</summary>
    public static string Of(PackageManifest manifest)
        => OfLines(manifest.Files.Select(file => $"{file.Name} {file.Sha256}"));

    private static string OfLines(IEnumerable<string> lines)
        => Of(Encoding.UTF8.GetBytes(string.Join('\n', lines.Order(StringComparer.Ordinal))));

    /// <summary>Hashes the files that the chat template comes from; null where there are none.</summary>
    public static string? OfTemplate(ModelPackage package)
    {
        string[] paths = [.. TemplateFiles.Select(package.FindFile).OfType<string>()];
        return paths.Length == 0 ? null : Of(Encoding.UTF8.GetBytes(string.Join('\n', paths.Select(OfFile))));
    }

    private static string OfFile(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static string Of(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
