using System.Security.Cryptography;

namespace Slipway.Packaging;

/// <summary>Compares a package's files with its manifest.</summary>
internal static class PackageVerifier
{
    private const long LargestByDefault = 256L << 20;

    public static void Verify(
        string folder,
        string manifestPath,
        PackageManifest manifest,
        PackageVerification verification)
    {
        if (manifest.Format is < 1 or > PackageManifest.CurrentFormat)
        {
            throw new PackageException(
                manifestPath,
                $"The file '{manifestPath}' has format '{manifest.Format}'; this version reads up to "
                + $"'{PackageManifest.CurrentFormat}'. Update Slipway or export the package again.");
        }

        var hashed = new List<(string Path, string Sha256)>();
        foreach (var file in manifest.Files ?? [])
        {
            if (file?.Name is null || file.Sha256 is null)
            {
                throw new PackageException(
                    manifestPath,
                    $"The file '{manifestPath}' lists a file without name or sha256. Export the package again.");
            }

            var path = RequireFile(folder, file.Name, $"which '{ModelPackage.ManifestFile}' lists");
            var length = new FileInfo(path).Length;
            if (length != file.Bytes)
            {
                throw new PackageException(
                    path,
                    $"The file '{path}' has {length} bytes; '{ModelPackage.ManifestFile}' says {file.Bytes}. "
                    + "It is incomplete or altered: copy or export the package again.");
            }

            if (verification == PackageVerification.Full
                || (verification == PackageVerification.Default && length <= LargestByDefault))
            {
                hashed.Add((path, file.Sha256));
            }
        }

        // Large files side by side; what is told is the first of the list, whichever was found first.
        var altered = hashed.AsParallel().AsOrdered()
            .Where(file => !string.Equals(Hash(file.Path), file.Sha256, StringComparison.OrdinalIgnoreCase))
            .Select(file => file.Path)
            .ToArray();
        if (altered is [var first, ..])
        {
            throw new PackageException(
                first,
                $"The file '{first}' does not have the SHA-256 that '{ModelPackage.ManifestFile}' states. "
                + "It is altered: copy or export the package again.");
        }
    }

    public static string RequireFile(string folder, string name, string why)
    {
        var path = PackagePath.Resolve(folder, name)
            ?? throw new PackageException(
                folder,
                $"The package '{folder}' names the file '{name}', which lies outside the package folder. "
                + "Only plain relative paths are read: export the package again.");
        return File.Exists(path)
            ? path
            : throw new PackageException(
                path,
                $"The package '{folder}' has no file '{name}', {why}. Copy or export the package again.");
    }

    public static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
