using Slipway.Packaging;

namespace Slipway.Cli.Modules;

/// <summary>Tells graphs alone, as modules are exported to, from packages.</summary>
internal static class GraphFolders
{
    /// <summary>
    /// The graph file, where a path names one or is a folder with a <c>model.onnx</c> and no package; else null.
    /// </summary>
    public static string? Find(string path)
    {
        if (path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(path))
        {
            return path;
        }

        var file = Path.Combine(path, "model.onnx");
        return File.Exists(file) && !File.Exists(Path.Combine(path, ModelPackage.ManifestFile))
            && !File.Exists(Path.Combine(path, ModelPackage.ConfigFile)) ? file : null;
    }
}
