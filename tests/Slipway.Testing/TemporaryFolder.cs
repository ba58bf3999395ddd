namespace Slipway.Testing;

/// <summary>A folder of a test's own, removed when the test ends.</summary>
public sealed class TemporaryFolder : IDisposable
{
    /// <summary>The folder's full path; it exists.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("slipway-").FullName;

    /// <summary>The path of a file or folder inside.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Removes the folder and what it holds.</summary>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
