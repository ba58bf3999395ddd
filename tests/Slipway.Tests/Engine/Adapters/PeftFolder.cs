using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Adapters;

/// <summary>A copy of an adapter that PEFT wrote, which a test changes.</summary>
internal sealed class PeftFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, (float[] Values, long[] Shape)> _tensors = new(StringComparer.Ordinal);

    public PeftFolder(string name = "attention")
    {
        var source = Source(name);
        Settings = JsonNode.Parse(File.ReadAllBytes(Path.Combine(source, "adapter_config.json")))!.AsObject();
        using var checkpoint = Checkpoint.Open(Path.Combine(source, "adapter_model.safetensors"));
        foreach (var tensor in checkpoint.Tensors.Values)
        {
            var values = new float[tensor.Count];
            checkpoint.ReadFloats(tensor.Name, 0, values);
            _tensors.Add(tensor.Name, (values, [.. tensor.Shape]));
        }
    }

    public string Folder => _folder["adapter"];

    public JsonObject Settings { get; }

    /// <summary>The name of the first of the tensors that end so.</summary>
    public string First(string end)
        => _tensors.Keys.Order(StringComparer.Ordinal).First(name => name.EndsWith(end, StringComparison.Ordinal));

    public static string Source(string name) => SharedAssets.Path("lora", "llama", name);

    public void Replace(string tensor, float[] values, params long[] shape) => _tensors[tensor] = (values, shape);

    public void Change(string tensor, Action<float[]> change) => change(_tensors[tensor].Values);

    public void Remove(string tensor) => _tensors.Remove(tensor);

    public string Write()
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, "adapter_config.json"), Settings.ToJsonString());
        SafetensorsWriter.Write(
            Path.Combine(Folder, "adapter_model.safetensors"),
            [.. _tensors.Select(pair => SafetensorsEntry.From(pair.Key, pair.Value.Values, pair.Value.Shape))]);
        return Folder;
    }

    public void Dispose() => _folder.Dispose();
}
