using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Checkpoints.Tests.PyTorch;

namespace Slipway.Export.Tests.Checkpoints;

/// <summary>A checkpoint with other names, tensors or keys, written as the formats that people bring.</summary>
internal sealed class EditedCheckpoint
{
    private EditedCheckpoint(Dictionary<string, (float[] Values, long[] Shape)> tensors, JsonObject config) =>
        (Tensors, Config) = (tensors, config);

    public Dictionary<string, (float[] Values, long[] Shape)> Tensors { get; private set; }

    public JsonObject Config { get; }

    /// <summary>Reads a checkpoint whole.</summary>
    public static EditedCheckpoint Read(string source)
    {
        using var checkpoint = Checkpoint.Open(source);
        Dictionary<string, (float[] Values, long[] Shape)> tensors = [];
        foreach (var tensor in checkpoint.Tensors.Values)
        {
            var values = new float[tensor.Count];
            checkpoint.ReadFloats(tensor.Name, 0, values);
            tensors.Add(tensor.Name, (values, [.. tensor.Shape]));
        }

        return new EditedCheckpoint(tensors, checkpoint.Config.DeepClone().AsObject());
    }

    public EditedCheckpoint Rename(Func<string, string> name)
    {
        Tensors = Tensors.ToDictionary(pair => name(pair.Key), pair => pair.Value);
        return this;
    }

    /// <summary>Writes it to a folder as safetensors, TorchSharp's <c>dat</c> or PyTorch's <c>bin</c>.</summary>
    public string Write(string folder, string format = "safetensors")
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config.ToJsonString());
        if (format == "safetensors")
        {
            SafetensorsWriter.Write(
                Path.Combine(folder, "model.safetensors"),
                [.. Tensors.Select(pair => SafetensorsEntry.From(pair.Key, pair.Value.Values, pair.Value.Shape))]);
        }
        else if (format == "bin")
        {
            TorchZip zip = new();
            foreach (var (name, (values, shape)) in Tensors)
            {
                zip.Add(name, "FloatStorage", shape, MemoryMarshal.AsBytes(values.AsSpan()).ToArray(), sizeof(float));
            }

            File.WriteAllBytes(Path.Combine(folder, "pytorch_model.bin"), zip.Build());
        }
        else
        {
            WriteTorchSharp(Path.Combine(folder, "model.dat"));
        }

        return folder;
    }

    // LEB128 count; for each tensor its name, the scalar type of float32, the shape and the elements.
    private void WriteTorchSharp(string path)
    {
        using BinaryWriter writer = new(File.Create(path));
        writer.Write7BitEncodedInt64(Tensors.Count);
        foreach (var (name, (values, shape)) in Tensors)
        {
            var text = Encoding.UTF8.GetBytes(name);
            writer.Write7BitEncodedInt64(text.Length);
            writer.Write(text);
            writer.Write7BitEncodedInt64(6);
            writer.Write7BitEncodedInt64(shape.Length);
            foreach (var size in shape)
            {
                writer.Write7BitEncodedInt64(size);
            }

            foreach (var value in values)
            {
                writer.Write(value);
            }
        }
    }
}
