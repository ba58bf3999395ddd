using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Tests;

// Makes checkpoint files for tests.
internal static class CheckpointFiles
{
    public static byte[] Bytes(Checkpoint checkpoint, string name)
    {
        var bytes = new byte[checkpoint.Tensors[name].ByteLength];
        checkpoint.ReadBytes(name, 0, bytes);
        return bytes;
    }

    public static float[] Floats(Checkpoint checkpoint, string name)
    {
        var floats = new float[checkpoint.Tensors[name].Count];
        checkpoint.ReadFloats(name, 0, floats);
        return floats;
    }

    // Spreads a checkpoint's tensors over shards in turn, with the index and the configuration.
    public static void Shard(Checkpoint source, string folder, int shards)
    {
        var map = new JsonObject();
        for (var shard = 0; shard < shards; shard++)
        {
            var name = $"model-{shard + 1:D5}-of-{shards:D5}.safetensors";
            var mine = source.Tensors.Values.Where((_, i) => i % shards == shard).ToArray();
            foreach (var tensor in mine)
            {
                map[tensor.Name] = name;
            }

            SafetensorsWriter.Write(Path.Combine(folder, name),
            [
                .. mine.Select(tensor => new SafetensorsEntry(
                    tensor, (start, destination) => source.ReadBytes(tensor.Name, start, destination))),
            ]);
        }

        var index = new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map };
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), index.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "config.json"), source.Config.ToJsonString());
    }
}
