using System.Text.Json;

namespace Slipway.Packaging;

/// <summary>Writes a package folder so that it appears whole or not at all.</summary>
/// <remarks>
/// Files are written into a hidden folder beside the target, which <see cref="Commit"/> compares with what was written
/// and renames into place. Disposing without a commit removes it; the next writer of the same target removes what a
/// killed process left behind. A target that is a link is written where the link leads. Not safe for concurrent use;
/// several writers of one target, in one process or many, do not disturb each other.
/// </remarks>
public sealed class PackageWriter : IDisposable
{
    private readonly Dictionary<string, WrittenFile> _written = new(StringComparer.Ordinal);
    private readonly string _target;
    private readonly bool _overwrite;
    private bool _closed;

    /// <summary>Begins a package.</summary>
    /// <param name="folder">The package folder to appear; its parents are created.</param>
    /// <param name="overwrite">Whether a package that stands there is replaced at the end.</param>
    /// <exception cref="IOException">
    /// The folder exists and may not be replaced, it is not a package, or its name is too long.
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">The folder's parent may not be written to.</exception>
    public PackageWriter(string folder, bool overwrite = false)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        _target = Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        _overwrite = overwrite;
        var parent = Path.GetDirectoryName(_target)
            ?? throw new ArgumentException($"'{folder}' is a file system's root; name a folder in it.", nameof(folder));
        PartialFolder.RequireName(_target);
        RequireReplaceable();
        Directory.CreateDirectory(parent);
        PartialFolder.RemoveAbandoned(_target);
        RequireReplaceable();
        Folder = PartialFolder.Create(_target);
    }

    /// <summary>The full path of the hidden folder that holds the files until <see cref="Commit"/>.</summary>
    public string Folder { get; }

    /// <summary>Creates a file of the package.</summary>
    /// <param name="file">The path inside the package, with forward slashes; no file of that name was created
    /// before.</param>
    /// <returns>A stream to write the content to, from beginning to end; the caller disposes it before the
    /// commit.</returns>
    /// <exception cref="ArgumentException">The name is not a plain relative path.</exception>
    /// <exception cref="IOException">The file exists, the hidden folder was removed, or the disk is full.</exception>
    public Stream Create(string file)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var path = PackagePath.Resolve(Folder, file)
            ?? throw new ArgumentException($"'{file}' is not a plain relative path inside the package.", nameof(file));
        RequireFolder();
        if (file.Contains('/', StringComparison.Ordinal))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        }

        try
        {
            var written = new WrittenFile(path);
            _written[file] = written;
            return new BufferedStream(written, 1 << 16);
        }
        catch (DirectoryNotFoundException)
        {
            throw Disturbed($"'{file}' cannot be created, because the folder is gone");
        }
    }

    /// <summary>Writes a whole file of the package.</summary>
    /// <param name="file">The path inside the package, with forward slashes.</param>
    /// <param name="content">The bytes.</param>
    public void Write(string file, ReadOnlySpan<byte> content)
    {
        using var stream = Create(file);
        stream.Write(content);
    }

    /// <summary>Writes <c>genai_config.json</c>.</summary>
    /// <param name="config">The content.</param>
    public void Write(GenAIConfig config)
        => Write(
            ModelPackage.ConfigFile,
            JsonSerializer.SerializeToUtf8Bytes(config, PackageJson.Default.GenAIConfig));

    /// <summary>
    /// Writes <c>slipway.json</c> for what was written so far: of a package that is opened where it stands and never
    /// committed.
    /// </summary>
    /// <param name="manifest">How the package was made; its list of files is filled here.</param>
    /// <returns>The manifest as written.</returns>
    public PackageManifest Write(PackageManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var complete = manifest with { Files = List() };
        Write(
            ModelPackage.ManifestFile,
            JsonSerializer.SerializeToUtf8Bytes(complete, PackageJson.Default.PackageManifest));
        return complete;
    }

    /// <summary>Removes a file that was written, so that it can be written anew.</summary>
    /// <param name="file">The path inside the package, with forward slashes.</param>
    public void Delete(string file)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (_written.Remove(file))
        {
            File.Delete(Path.Combine(Folder, file));
        }
    }

    /// <summary>
    /// Writes the manifest with every file's size and hash, compares the folder with it, and puts the package into
    /// place.
    /// </summary>
    /// <param name="manifest">How the package was made; its list of files is filled here.</param>
    /// <returns>The manifest as written.</returns>
    /// <exception cref="IOException">
    /// Something else took the target's place meanwhile, another program changed the files, or the disk is full.
    /// </exception>
    public PackageManifest Commit(PackageManifest manifest)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var complete = Write(manifest);
        try
        {
            RequireUnchanged(List());
        }
        catch (Exception exception) when (exception is DirectoryNotFoundException or FileNotFoundException)
        {
            throw Disturbed(exception.Message.TrimEnd('.'));
        }

        PutIntoPlace();
        _closed = true;
        return complete;
    }

    /// <summary>Removes what was written, unless it was committed.</summary>
    public void Dispose()
    {
        if (!_closed)
        {
            _closed = true;
            PartialFolder.Remove(Folder);
        }
    }

    private static string Resolve(string path)
    {
        var folder = new DirectoryInfo(path);
        return folder.LinkTarget is null ? path : folder.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
    }

    private PackageFile[] List() =>
    [
        .. _written.OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => new PackageFile(
            file.Key,
            file.Value.Length,
            file.Value.Sha256 ?? throw new InvalidOperationException(
                $"The file '{file.Key}' is still being written. Dispose its stream before the package is committed."))),
    ];

    private void RequireUnchanged(PackageFile[] files)
    {
        RequireFolder();
        var found = Directory.EnumerateFileSystemEntries(
                Folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Where(path => !Directory.Exists(path))
            .Select(path => Path.GetRelativePath(Folder, path).Replace('\\', '/'))
            .ToHashSet(StringComparer.Ordinal);
        foreach (var file in files)
        {
            var path = Path.Combine(Folder, file.Name);
            if (!found.Remove(file.Name))
            {
                throw Disturbed($"'{file.Name}' is gone");
            }

            var length = new FileInfo(path).Length;
            if (length != file.Bytes)
            {
                throw Disturbed($"'{file.Name}' has {length} bytes, and {file.Bytes} were written");
            }

            if (PackageVerifier.Hash(path) != file.Sha256)
            {
                throw Disturbed($"'{file.Name}' holds other bytes than were written");
            }
        }

        if (found.Count > 0)
        {
            throw Disturbed($"'{found.Min(StringComparer.Ordinal)}' was added");
        }
    }

    // Another writer may put its package there at any moment: the rename that fails says that one did.
    private void PutIntoPlace()
    {
        while (true)
        {
            RequireReplaceable();
            var replaced = MakeRoom();
            try
            {
                RequireFolder();
                Directory.Move(Folder, _target);
            }
            catch (IOException) when (Directory.Exists(_target) && Directory.Exists(Folder))
            {
                if (replaced is not null)
                {
                    PartialFolder.Remove(replaced);
                }

                continue;
            }
            catch when (replaced is not null)
            {
                PartialFolder.TryRestore(replaced, _target);
                throw;
            }

            if (replaced is not null)
            {
                RemoveReplaced(replaced);
            }

            return;
        }
    }

    // Only a package that may be overwritten is moved away; of a folder that was empty a moment ago, only an empty one
    // goes.
    private string? MakeRoom()
    {
        try
        {
            if (_overwrite)
            {
                var replaced = PartialFolder.ReplacedName(Folder);
                Directory.Move(_target, replaced);
                return replaced;
            }

            Directory.Delete(_target);
        }
        catch (DirectoryNotFoundException)
        {
            return null;
        }
        catch (IOException)
        {
            RequireReplaceable();
            throw;
        }

        return null;
    }

    private void RemoveReplaced(string replaced)
    {
        try
        {
            Directory.Delete(replaced, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _closed = true;
            throw new IOException(
                $"The package '{_target}' is written, but the one that it replaces cannot be removed: "
                + $"{exception.Message} Remove the folder '{replaced}'.",
                exception);
        }
    }

    private void RequireFolder()
    {
        if (!Directory.Exists(Folder))
        {
            throw Disturbed("the folder is gone");
        }
    }

    private IOException Disturbed(string how) => new(
        $"The package '{_target}' is not written, because another program changed the folder '{Folder}' in which it "
        + $"was being made: {how}. Keep programs that clean up away from it and export again.");

    private void RequireReplaceable()
    {
        if (File.Exists(_target))
        {
            throw new IOException($"'{_target}' is a file; a package is a folder. Choose another name.");
        }

        if (Names().Count == 0)
        {
            return;
        }

        if (!_overwrite)
        {
            throw new IOException(
                $"The folder '{_target}' exists and stays as it is. Choose another one, or have the package in it "
                + "replaced ('--overwrite', the option Overwrite).");
        }

        if (!IsPackage())
        {
            throw new IOException(
                $"The folder '{_target}' holds no '{ModelPackage.ConfigFile}', so it is not a package and is not "
                + "overwritten. Choose another folder.");
        }
    }

    // Another writer may swap the folder while its names are read; one that is read twice alike was not swapped.
    private bool IsPackage()
    {
        var before = Names();
        while (before.Count > 0 && !before.Contains(ModelPackage.ConfigFile)
            && !before.Contains(ModelPackage.ManifestFile))
        {
            var now = Names();
            if (now.SetEquals(before))
            {
                return false;
            }

            before = now;
        }

        return true;
    }

    private HashSet<string> Names()
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(_target).Select(path => Path.GetFileName(path))];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }
}
