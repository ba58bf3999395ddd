using Microsoft.Win32.SafeHandles;
using Slipway.Packaging;

namespace Slipway.Engine.Execution;

/// <summary>Watches the files that a session has mapped its weights from.</summary>
/// <remarks>
/// Who writes such a file in place changes the weights of the model that is loaded, without a word. The file is held
/// open, so that one which was renamed or deleted meanwhile is still told from one that was written. A file that is cut
/// short ends the process at the next read (SIGBUS); what is noticed here comes too late for that. Safe for concurrent
/// use until disposed.
/// </remarks>
internal sealed class WeightFiles : IDisposable
{
    private readonly List<(string Path, SafeFileHandle File, FileStamp Stamp)> _files = [];

    /// <param name="package">The package, whose files were compared with its manifest.</param>
    /// <param name="graphPath">The graph that the session was opened over.</param>
    /// <exception cref="PackageException">A file was written since it was compared.</exception>
    public WeightFiles(ModelPackage package, string graphPath)
    {
        try
        {
            foreach (var name in ExternalDataFiles.Read(graphPath))
            {
                var path = Path.Combine(Path.GetDirectoryName(graphPath)!, name);
                var file = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
                var stamp = FileStamp.Of(file);
                _files.Add((path, file, stamp));
                if (package.Verified.TryGetValue(path, out var verified) && verified != stamp)
                {
                    throw new PackageException(
                        path,
                        $"The file '{path}' was written while the model was loaded from it. Load the model again when "
                        + "that has ended; replace packages by renaming.");
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Bytes of a graph and its weights, of which loading takes about as many.</summary>
    /// <remarks>Files of a package's other graphs do not count, as those for GPUs on the processor.</remarks>
    /// <exception cref="PackageException">The file is no graph.</exception>
    public static long BytesOf(string graphPath)
        => LengthOf(graphPath) + ExternalDataFiles.Read(graphPath)
            .Sum(name => LengthOf(Path.Combine(Path.GetDirectoryName(graphPath)!, name)));

    // Of what a link leads to: the file system resolves it, also below folders that are links themselves.
    private static long LengthOf(string path)
    {
        using var file = File.OpenHandle(path);
        return RandomAccess.GetLength(file);
    }

    /// <summary>Refuses to go on with weights that are others by now.</summary>
    /// <exception cref="PackageException">A file was written since the model was loaded.</exception>
    public void ThrowIfWritten()
    {
        foreach (var (path, file, stamp) in _files)
        {
            if (FileStamp.Of(file) != stamp)
            {
                throw new PackageException(
                    path,
                    $"The file '{path}' was written while a model has its weights mapped from it, so answers would be "
                    + "of other weights. Dispose the model and load it again; replace packages by renaming.");
            }
        }
    }

    public void Dispose() => _files.ForEach(file => file.File.Dispose());
}
