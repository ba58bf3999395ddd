using System.Security.Cryptography;

namespace Slipway.Packaging;

/// <summary>Compares a package's files with its manifest.</summary>
internal static class PackageVerifier
{
    private const long MaxByDefault = 256L << 20;

    /// <summary>Compares them.</summary>
    /// <remarks>Chat templates are people's to edit: an edited one is named in the result, not refused.</remarks>
    /// <returns>
    /// The files' stamps, by full path, from before they were hashed, and the names of edited templates.
    /// </returns>
    /// <exception cref="PackageException">A file is missing, altered or unreadable.</exception>
    public static (IReadOnlyDictionary<string, FileStamp> Stamps, IReadOnlyList<string> Edited) Verify(
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

        var stamps = new Dictionary<string, FileStamp>(StringComparer.Ordinal);
        var hashed = new List<(string Path, string Sha256)>();
        var edited = new List<string>();
        foreach (var file in manifest.Files ?? [])
        {
            if (file?.Name is null || file.Sha256 is null)
            {
                throw new PackageException(
                    manifestPath,
                    $"The file '{manifestPath}' lists a file without name or sha256. Export the package again.");
            }

            var path = RequireFile(
                folder, file.Name, $"which '{ModelPackage.ManifestFile}' lists", out var stamp);
            stamps[path] = stamp;
            if (IsTemplate(file.Name))
            {
                if (stamp.Length != file.Bytes
                    || (verification != PackageVerification.Sizes && FindFault(path, file.Sha256) is not null))
                {
                    edited.Add(file.Name);
                }

                continue;
            }

            if (stamp.Length != file.Bytes)
            {
                throw new PackageException(
                    path,
                    $"The file '{path}' has {stamp.Length} bytes; '{ModelPackage.ManifestFile}' says {file.Bytes}. "
                    + "It is incomplete or altered: copy or export the package again.");
            }

            if (verification == PackageVerification.Full
                || (verification == PackageVerification.Default && stamp.Length <= MaxByDefault))
            {
                hashed.Add((path, file.Sha256));
            }
        }

        // Large files side by side; what is told is the first of the list, whichever was found first.
        var faults = hashed.AsParallel().AsOrdered()
            .Select(file => FindFault(file.Path, file.Sha256))
            .OfType<PackageException>()
            .ToArray();
        if (faults is [var first, ..])
        {
            throw first;
        }

        return (stamps, edited);
    }

    /// <summary>Finds a file that the package names.</summary>
    /// <returns>The full path.</returns>
    /// <exception cref="PackageException">It is missing, lies elsewhere, or may not be read.</exception>
    public static string RequireFile(string folder, string name, string why) => RequireFile(folder, name, why, out _);

    public static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private static bool IsTemplate(string name) => name.EndsWith(".jinja", StringComparison.Ordinal);

    private static PackageException? FindFault(string path, string sha256)
    {
        try
        {
            return string.Equals(Hash(path), sha256, StringComparison.OrdinalIgnoreCase) ? null : new PackageException(
                path,
                $"The file '{path}' does not have the SHA-256 that '{ModelPackage.ManifestFile}' states. "
                + "It is altered: copy or export the package again.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return PackageReader.Unreadable(path, exception);
        }
    }

    private static string RequireFile(string folder, string name, string why, out FileStamp stamp)
    {
        var path = PackagePath.Resolve(folder, name)
            ?? throw new PackageException(
                folder,
                $"The package '{folder}' names the file '{name}', which lies outside the package folder. "
                + "Only plain relative paths are read: export the package again.");
        using var file = PackageReader.TryOpen(path) ?? throw new PackageException(
            path,
            $"The package '{folder}' has no file '{name}', {why}. Copy or export the package again.");
        stamp = FileStamp.Of(file);
        return path;
    }
}
