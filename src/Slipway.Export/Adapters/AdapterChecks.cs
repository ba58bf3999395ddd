using Slipway.Checkpoints;

namespace Slipway.Export.Adapters;

/// <summary>Checks whether an adapter can stand beside a model.</summary>
internal static class AdapterChecks
{
    /// <summary>Refuses what is more than products added to linear layers, and what does not fit.</summary>
    /// <returns>What the adapter adds to, by the names that the checkpoint stores tensors with.</returns>
    /// <exception cref="NotSupportedException">The adapter can only be merged.</exception>
    /// <exception cref="CheckpointException">The adapter does not fit the checkpoint.</exception>
    public static Dictionary<string, LoraTarget> Resolve(string name, LoraAdapter adapter, Checkpoint checkpoint)
    {
        if (adapter.Replacements.Keys.FirstOrDefault() is { } replaced)
        {
            throw Unswitchable(name, adapter, $"replaces the tensor '{replaced}'");
        }

        if (adapter.PartlyReplaced.FirstOrDefault() is { } partly)
        {
            throw Unswitchable(name, adapter, $"replaces rows of the tensor '{partly}'");
        }

        Dictionary<string, LoraTarget> targets = new(StringComparer.Ordinal);
        foreach (var target in adapter.Targets.Values)
        {
            if (target.HasBias)
            {
                throw Unswitchable(name, adapter, $"adds a bias to '{target.Name}'");
            }

            var tensor = checkpoint.FindTensor(target.Name);
            if (tensor is null && target.Name is ("lm_head.weight" or "embed_out.weight"))
            {
                throw Unswitchable(
                    name, adapter, $"changes the head '{target.Name}', which the model ties to its embedding");
            }

            long[] shape = target.IsTransposed ? [target.Inputs, target.Outputs] : [target.Outputs, target.Inputs];
            if (tensor is null || !tensor.Shape.SequenceEqual(shape))
            {
                throw new CheckpointException(
                    $"The adapter '{name}' in '{adapter.Path}' changes tensor '{target.Name}' of shape "
                    + $"{TensorInfo.FormatShape(shape)}; the checkpoint '{checkpoint.Path}' has "
                    + $"{(tensor is null ? "none" : $"one of shape {TensorInfo.FormatShape(tensor.Shape)}")}. Use the "
                    + $"model that it was trained on{(adapter.BaseModel is { } model ? $", '{model}'" : "")}.",
                    adapter.Path, target.Name);
            }

            targets.Add(tensor.Name, target);
        }

        return targets;
    }

    private static NotSupportedException Unswitchable(string name, LoraAdapter adapter, string what) => new(
        $"The adapter '{name}' in '{adapter.Path}' {what}, which cannot be switched per request. Merge it at export "
        + "instead.");
}
