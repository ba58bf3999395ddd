namespace Slipway.Checkpoints.Adapters;

// The tensors of one target; all but the factors may be absent.
internal sealed record LoraModule(
    LoraTarget Target, TensorInfo Down, TensorInfo Up, TensorInfo? UpBias, TensorInfo? Magnitude);

// Gathers an adapter's tensors by the module that they belong to.
internal static class LoraModules
{
    public static (
        Dictionary<string, LoraModule> Modules, Dictionary<string, TensorInfo> Replacements,
        Dictionary<string, LoraTokenRows> TokenRows) Read(string path, Checkpoint tensors, LoraSettings settings)
    {
        var rows = new Dictionary<string, LoraTokenRows>(StringComparer.Ordinal);
        var parts = new Dictionary<string, Dictionary<LoraPart, TensorInfo>>(StringComparer.Ordinal);
        var replacements = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        foreach (var tensor in tensors.Tensors.Values)
        {
            if (LoraTensorNames.Parse(tensor.Name) is not { } parsed)
            {
                throw Bad(path, tensor, "is of no kind that a LoRA adapter is known to have");
            }

            var (name, part) = parsed;
            if (name.Contains(".original_module.", StringComparison.Ordinal))
            {
                // The model's own, which the adapter replaces.
                continue;
            }

            if (part == LoraPart.Replacement)
            {
                if (!replacements.TryAdd(name, tensor))
                {
                    throw Bad(path, tensor, $"stands for '{name}', for which '{replacements[name].Name}' does too");
                }
            }
            else if (part == LoraPart.TokenRows)
            {
                rows[name + ".weight"] = TokenRows(path, tensor, settings.TokenIds(name));
            }
            else if (!(parts.TryGetValue(name, out var found) ? found : parts[name] = []).TryAdd(part, tensor))
            {
                throw Bad(path, tensor, "is there twice");
            }
        }

        var modules = parts.ToDictionary(
            pair => pair.Key + ".weight", pair => Gather(path, pair.Key, pair.Value, settings), StringComparer.Ordinal);
        return modules.Count + replacements.Count + rows.Count > 0
            ? (modules, replacements, rows)
            : throw new CheckpointException(
                $"The adapter '{path}' holds no tensors: its training was not saved into it. Save it with PEFT's " +
                "'save_pretrained'.", path);
    }

    private static LoraTokenRows TokenRows(string path, TensorInfo tensor, IReadOnlyList<int> ids) =>
        tensor.Shape is [var count, _] && count == ids.Count && ids.Distinct().Count() == ids.Count
            ? new LoraTokenRows(
                tensor, ids.Select((id, place) => (id, place)).ToDictionary(pair => pair.id, pair => pair.place))
            : throw Bad(path, tensor, $"should have a row for each of {ids.Count} different tokens");

    private static LoraModule Gather(
        string path, string module, Dictionary<LoraPart, TensorInfo> parts, LoraSettings settings)
    {
        var isEmbedding = parts.ContainsKey(LoraPart.EmbeddingDown) || parts.ContainsKey(LoraPart.EmbeddingUp);
        var down = Find(path, module, parts, isEmbedding ? LoraPart.EmbeddingDown : LoraPart.Down);
        var up = Find(path, module, parts, isEmbedding ? LoraPart.EmbeddingUp : LoraPart.Up);
        if (down.Shape is not [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue] ||
            up.Shape is not [> 0 and <= int.MaxValue, > 0 and <= int.MaxValue] || down.Shape[0] != up.Shape[1] ||
            down.Count > int.MaxValue || up.Count > int.MaxValue)
        {
            throw Bad(path, down, $"does not fit '{up.Name}' of shape {TensorInfo.FormatShape(up.Shape)}");
        }

        var (rank, inputs, outputs) = ((int)down.Shape[0], (int)down.Shape[1], (int)up.Shape[0]);
        var bias = Vector(path, parts, LoraPart.UpBias, outputs);
        var magnitude = Vector(path, parts, LoraPart.Magnitude, outputs);
        var isTransposed = isEmbedding || settings.IsTransposed;
        if (magnitude is not null && isTransposed)
        {
            throw Bad(path, magnitude, "scales an embedding or a layer of inputs by outputs, which cannot be merged");
        }

        return new LoraModule(
            new LoraTarget(
                module + ".weight", rank, settings.Scale(module, rank), inputs, outputs, isTransposed,
                magnitude is not null) { HasBias = bias is not null },
            down, up, bias, magnitude);
    }

    private static TensorInfo Find(
        string path, string module, Dictionary<LoraPart, TensorInfo> parts, LoraPart part) =>
        parts.TryGetValue(part, out var tensor) ? tensor : throw new CheckpointException(
            $"The adapter '{path}' lacks one factor of '{module}' ({part}). Take the whole file that PEFT saved.", path,
            module);

    private static TensorInfo? Vector(
        string path, Dictionary<LoraPart, TensorInfo> parts, LoraPart part, int length) =>
        !parts.TryGetValue(part, out var tensor) ? null
            : tensor.Count == length ? tensor
            : throw Bad(path, tensor, $"should have {length} elements, one an output");

    private static CheckpointException Bad(string path, TensorInfo tensor, string problem) => new(
        $"Tensor '{tensor.Name}' of shape {TensorInfo.FormatShape(tensor.Shape)} in the adapter '{path}' {problem}. " +
        "Take the files that PEFT's 'save_pretrained' wrote, without changes.", path, tensor.Name);
}
