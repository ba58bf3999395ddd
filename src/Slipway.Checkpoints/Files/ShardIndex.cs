using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Files;

// The 'weight_map' of model.safetensors.index.json and pytorch_model.bin.index.json: tensor name to shard.
internal sealed class ShardIndex
{
    private ShardIndex(string path, Dictionary<string, string> shardOf)
    {
        Path = path;
        ShardOf = shardOf;
        Shards = [.. shardOf.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    public string Path { get; }

    public Dictionary<string, string> ShardOf { get; }

    public IReadOnlyList<string> Shards { get; }

    public static ShardIndex Read(string path)
    {
        var folder = CheckpointFolder.Of(path);
        var fileName = System.IO.Path.GetFileName(path);
        var json = CheckpointFolder.ReadFile(folder, fileName)
            ?? throw new FileNotFoundException($"The file '{path}' does not exist. Check the path.", path);
        if (JsonFile.Parse(json, path)["weight_map"] is not JsonObject map || map.Count == 0)
        {
            throw new CheckpointException(
                $"The index '{path}' has no 'weight_map' that names tensors. Open its weight files by their own " +
                "names, or put the index that was published with them in its place.", path);
        }

        var shardOf = new Dictionary<string, string>(map.Count, StringComparer.Ordinal);
        foreach (var (tensor, value) in map)
        {
            shardOf.Add(tensor, CheckShard(path, fileName, tensor, value));
        }

        var index = new ShardIndex(path, shardOf);
        foreach (var shard in index.Shards.Where(
            shard => !CheckpointFile.IsThere(System.IO.Path.Combine(folder, shard))))
        {
            throw new CheckpointException(
                $"The shard '{shard}' that the index '{path}' names is missing. Download it into the same folder.",
                System.IO.Path.Combine(folder, shard), shardOf.First(pair => pair.Value == shard).Key);
        }

        return index;
    }

    private static string CheckShard(string path, string fileName, string tensor, JsonNode? value)
    {
        if (value is not JsonValue text || !text.TryGetValue<string>(out var shard))
        {
            throw new CheckpointException(
                $"The index '{path}' maps tensor '{tensor}' to '{JsonFile.Describe(value)}'; expected a file name. " +
                "Correct the entry.", path, tensor);
        }

        if (!CheckpointFolder.IsInside(shard) || shard.Contains('/'))
        {
            throw new CheckpointException(
                $"The index '{path}' maps tensor '{tensor}' to '{shard}', which is outside its folder. Expected the " +
                "plain name of a file beside the index; do not use files from this source.", path, tensor);
        }

        if (shard == fileName || shard.EndsWith(".index.json", StringComparison.Ordinal))
        {
            throw new CheckpointException(
                $"The index '{path}' maps tensor '{tensor}' to the index '{shard}'. Expected a weight file; indexes " +
                "do not nest. Correct the entry.", path, tensor);
        }

        return shard;
    }

    // Opens every shard. A tensor is what a shard holds, whatever the index says of it; where several shards hold one
    // of the same name, the index says which of them counts.
    public (List<CheckpointFile> Files, List<StoredTensor> Tensors) Open(
        Func<CheckpointFile, IEnumerable<StoredTensor>> readShard)
    {
        var files = new List<CheckpointFile>();
        try
        {
            var found = new Dictionary<string, List<(StoredTensor Tensor, string Shard)>>(StringComparer.Ordinal);
            foreach (var shard in Shards)
            {
                var file = CheckpointFile.Open(System.IO.Path.Combine(CheckpointFolder.Of(Path), shard));
                files.Add(file);
                foreach (var tensor in readShard(file))
                {
                    (found.TryGetValue(tensor.Info.Name, out var places) ? places : found[tensor.Info.Name] = [])
                        .Add((tensor, shard));
                }
            }

            return (files, [.. found.Select(pair => Choose(pair.Key, pair.Value))]);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    private StoredTensor Choose(string name, List<(StoredTensor Tensor, string Shard)> places)
    {
        if (places.Count == 1)
        {
            return places[0].Tensor;
        }

        var owner = ShardOf.GetValueOrDefault(name);
        return places.FirstOrDefault(place => place.Shard == owner) is { Tensor: var tensor, Shard: not null }
            ? tensor
            : throw new CheckpointException(
                $"Tensor '{name}' lies in '{places[0].Shard}' and in '{places[1].Shard}', and the index '{Path}' " +
                "does not say which counts. Name the shard that counts in its 'weight_map', or take the shard that " +
                "does not belong to this checkpoint out of it.", Path, name);
    }
}
