using System.Text.Json.Nodes;

namespace Slipway.Tests.Engine.Execution.Providers;

/// <summary>Makes the graph that a package has for GPUs run on the processor, in half precision.</summary>
internal static class ProcessorCopy
{
    /// <summary>Copies a package, with that graph as the decoder's, and a manifest that names no others.</summary>
    /// <returns>The copy's folder.</returns>
    public static string Make(string package, string folder)
    {
        foreach (var file in Directory.EnumerateFiles(package, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(folder, Path.GetRelativePath(package, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        var path = Path.Combine(folder, "slipway.json");
        var manifest = JsonNode.Parse(File.ReadAllBytes(path))!.AsObject();
        manifest.Remove("files");
        manifest.Remove("variants");
        File.WriteAllText(path, manifest.ToJsonString());
        var config = Path.Combine(folder, "genai_config.json");
        File.WriteAllText(
            config, File.ReadAllText(config).Replace("\"model.onnx\"", "\"gpu.onnx\"", StringComparison.Ordinal));
        return folder;
    }
}
