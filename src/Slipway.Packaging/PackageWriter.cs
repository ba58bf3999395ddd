using System.Text.Json;

namespace Slipway.Packaging;

/// <summary>Writes a package folder so that it appears whole or not at all.</summary>
/// <remarks>
/// Files are written into a folder beside the target, which <see cref="Commit"/> renames into place. Disposing
/// without a commit removes it; what a killed process left behind is removed by the next writer of the same target.
/// Not safe for concurrent use.
/// </remarks>
public sealed class PackageWriter : IDisposable
{
    private const string LockFile = ".lock";
    private const string ReplacedSuffix = ".replaced";
    private readonly string target;
    private readonly string partial;
    private readonly bool overwrite;
    private FileStream? hold;

    /// <summary>Begins a package.</summary>
    /// <param name="folder">The package folder to appear; its parents are created.</param>
    /// <param name="overwrite">Whether a package that stands there is replaced at the end.</param>
    /// <exception cref="IOException">
    /// The folder exists and may not be replaced, or it is not a package.
    /// </exception>
    public PackageWriter(string folder, bool overwrite = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        this.overwrite = overwrite;
        RequireReplaceable();
        var parent = Path.GetDirectoryName(target)
            ?? throw new ArgumentException($"'{folder}' is a file system's root; name a folder in it.", nameof(folder));
        Directory.CreateDirectory(parent);
        RemoveAbandoned(parent);
        partial = Path.Combine(parent, $".{Path.GetFileName(target)}.partial-{Path.GetRandomFileName()}");
        Directory.CreateDirectory(partial);
        hold = new FileStream(
            Path.Combine(partial, LockFile), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1);
    }

    /// <summary>The full path to which a file of the package is to be written.</summary>
    /// <param name="file">The path inside the package, with forward slashes.</param>
    public string PathOf(string file)
    {
        ObjectDisposedException.ThrowIf(hold is null, this);
        var path = PackagePath.Resolve(partial, file)
            ?? throw new ArgumentException($"'{file}' is not a plain relative path inside the package.", nameof(file));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Writes a whole file of the package.</summary>
    /// <param name="file">The path inside the package, with forward slashes.</param>
    /// <param name="content">The bytes.</param>
    public void Write(string file, ReadOnlySpan<byte> content)
    {
        using var stream = new FileStream(PathOf(file), FileMode.CreateNew, FileAccess.Write);
        stream.Write(content);
    }

    /// <summary>Writes <c>genai_config.json</c>.</summary>
    /// <param name="config">The content.</param>
    public void Write(GenAIConfig config)
        => Write(
            ModelPackage.ConfigFile,
            JsonSerializer.SerializeToUtf8Bytes(config, PackageJson.Default.GenAIConfig));

    /// <summary>Writes the manifest with every file's size and hash, and puts the package into place.</summary>
    /// <param name="manifest">How the package was made; its list of files is filled here.</param>
    /// <returns>The manifest as written.</returns>
    /// <exception cref="IOException">Something else took the target's place meanwhile, or the disk is full.</exception>
    public PackageManifest Commit(PackageManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ObjectDisposedException.ThrowIf(hold is null, this);
        var complete = manifest with { Files = ListFiles() };
        Write(
            ModelPackage.ManifestFile,
            JsonSerializer.SerializeToUtf8Bytes(complete, PackageJson.Default.PackageManifest));
        RequireReplaceable();
        Release();
        Replace();
        return complete;
    }

    /// <summary>Removes what was written, unless it was committed.</summary>
    public void Dispose()
    {
        Release();
        if (Directory.Exists(partial))
        {
            Directory.Delete(partial, recursive: true);
        }
    }

    private void Release()
    {
        if (hold is not null)
        {
            hold.Dispose();
            hold = null;
            File.Delete(Path.Combine(partial, LockFile));
        }
    }

    private void Replace()
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(partial, target);
            return;
        }

        var replaced = partial + ReplacedSuffix;
        Directory.Move(target, replaced);
        try
        {
            Directory.Move(partial, target);
        }
        catch
        {
            Directory.Move(replaced, target);
            throw;
        }

        Directory.Delete(replaced, recursive: true);
    }

    private PackageFile[] ListFiles()
        => [.. Directory.EnumerateFiles(partial, "*", SearchOption.AllDirectories)
            .Select(path => (path, name: Path.GetRelativePath(partial, path).Replace('\\', '/')))
            .Where(file => file.name is not LockFile)
            .OrderBy(file => file.name, StringComparer.Ordinal)
            .Select(file => new PackageFile(
                file.name, new FileInfo(file.path).Length, PackageVerifier.Hash(file.path)))];

    private void RequireReplaceable()
    {
        if (File.Exists(target))
        {
            throw new IOException($"'{target}' is a file; a package is a folder. Choose another name.");
        }

        if (!Directory.Exists(target) || !Directory.EnumerateFileSystemEntries(target).Any())
        {
            return;
        }

        if (!overwrite)
        {
            throw new IOException($"The folder '{target}' exists. Choose another, or allow it to be overwritten.");
        }

        if (!File.Exists(Path.Combine(target, ModelPackage.ConfigFile))
            && !File.Exists(Path.Combine(target, ModelPackage.ManifestFile)))
        {
            throw new IOException(
                $"The folder '{target}' holds no '{ModelPackage.ConfigFile}', so it is not a package and is not "
                + "overwritten. Choose another folder.");
        }
    }

    // A writer holds its lock file open as long as it lives, so a folder whose lock can be had belongs to nobody.
    private void RemoveAbandoned(string parent)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent, $".{Path.GetFileName(target)}.partial-*"))
        {
            if (!IsAbandoned(folder))
            {
                continue;
            }

            // Killed between two renames: the package that stood here is put back before anything else happens.
            if (folder.EndsWith(ReplacedSuffix, StringComparison.Ordinal) && !Directory.Exists(target))
            {
                Directory.Move(folder, target);
            }
            else
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        RequireReplaceable();
    }

    private static bool IsAbandoned(string folder)
    {
        var path = Path.Combine(folder, LockFile);
        try
        {
            new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1).Dispose();
            File.Delete(path);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
