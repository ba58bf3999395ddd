namespace Slipway.Export;

/// <summary>The files of a graph while it is made: they get their names once the work has succeeded.</summary>
internal sealed class GraphFiles : IDisposable
{
    private readonly string _path;
    private readonly string _folder;
    private readonly bool _hasData;

    public GraphFiles(string path, bool hasData)
    {
        _path = Path.GetFullPath(path);
        _hasData = hasData;
        var parent = Path.GetDirectoryName(_path)!;
        _ = Directory.CreateDirectory(parent);
        _folder = Path.Combine(parent, $".{Path.GetFileName(_path)}.{Guid.NewGuid():N}");
        _ = Directory.CreateDirectory(_folder);
    }

    /// <summary>The graph file.</summary>
    public string GraphPath => Path.Combine(_folder, Path.GetFileName(_path));

    /// <summary>The name of the file of the weights.</summary>
    public string DataName => $"{Path.GetFileName(_path)}.data";

    /// <summary>The file of the weights; null where there is none.</summary>
    public string? DataPath => _hasData ? Path.Combine(_folder, DataName) : null;

    /// <summary>Moves the files to their places.</summary>
    /// <returns>The path of the file of the weights; null where there is none.</returns>
    public string? Commit()
    {
        var data = _hasData ? $"{_path}.data" : null;
        if (data is not null)
        {
            File.Move(DataPath!, data, overwrite: true);
        }

        File.Move(GraphPath, _path, overwrite: true);
        return data;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
