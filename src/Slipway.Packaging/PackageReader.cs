using Microsoft.Win32.SafeHandles;

namespace Slipway.Packaging;

/// <summary>Opens files of packages, links followed, and says what is wrong with those that cannot be read.</summary>
/// <remarks>Packages are made of links in the cache of a model hub and in a volume that Kubernetes mounts.</remarks>
internal static class PackageReader
{
    /// <summary>Returns the full path of a package folder.</summary>
    /// <exception cref="PackageException">There is no such folder, or it may not be entered.</exception>
    public static string RequireFolder(string folder)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Directory.Exists(path))
        {
            return path;
        }

        try
        {
            throw File.GetAttributes(path) is var attributes && attributes.HasFlag(FileAttributes.ReparsePoint)
                ? Dangling(path)
                : new PackageException(
                    path, $"'{path}' is a file; a package is a folder. Give the folder that it lies in.");
        }
        catch (UnauthorizedAccessException exception)
        {
            throw Unreadable(path, exception);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new PackageException(
                path,
                $"The package folder '{path}' does not exist. Give the folder that 'slipway export' wrote.");
        }
    }

    /// <summary>Opens a file; null where there is none.</summary>
    /// <exception cref="PackageException">It may not be read, or it is a link that leads nowhere.</exception>
    public static SafeFileHandle? TryOpen(string path)
    {
        if (Directory.Exists(path))
        {
            return null;
        }

        try
        {
            return File.OpenHandle(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return new FileInfo(path).LinkTarget is null ? null : throw Dangling(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, exception);
        }
    }

    /// <summary>Reads a small file; null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="max">The most bytes that are read.</param>
    /// <exception cref="PackageException">It is larger, may not be read, or is a link that leads nowhere.</exception>
    public static byte[]? Read(string path, long max)
    {
        using var file = TryOpen(path);
        if (file is null)
        {
            return null;
        }

        var length = RandomAccess.GetLength(file);
        if (length > max)
        {
            throw new PackageException(
                path,
                $"The file '{path}' has {length} bytes; at most {max} are read. It is not a package's.");
        }

        var content = new byte[length];
        using var stream = new FileStream(file, FileAccess.Read);
        stream.ReadExactly(content);
        return content;
    }

    /// <summary>Describes a file of which reading failed.</summary>
    public static PackageException Unreadable(string path, Exception cause) => new(
        path,
        $"'{path}' cannot be read: {cause.Message.TrimEnd('.')}. Give the user that runs this program the right to "
        + "read the package and to enter its folder, or copy the package again.",
        cause);

    private static PackageException Dangling(string path) => new(
        path,
        $"'{path}' is a link to '{new FileInfo(path).LinkTarget}', which does not exist. Copy or fetch the package "
        + "again, with what its links lead to.");
}
