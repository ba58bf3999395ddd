using Slipway.Checkpoints;

namespace Slipway.Export.Adapters;

/// <summary>Checks whether an adapter can stand beside a model.</summary>
internal static class AdapterChecks
{
    /// <summary>Refuses what is more than products added to linear layers, and what does not fit.</summary>
    /// <exception cref="NotSupportedException">The adapter can only be merged.</exception>
    /// <exception cref="CheckpointException">The adapter does not fit the checkpoint.</exception>
    public static void Check(string name, LoraAdapter adapter, Checkpoint checkpoint)
    {
        if (adapter.Replacements.Keys.FirstOrDefault() is { } replaced)
        {
            throw Unswitchable(name, adapter, $"replaces the tensor '{replaced}'");
        }

        foreach (LoraTarget target in adapter.Targets.Values)
        {
            if (target.HasBias)
            {
                throw Unswitchable(name, adapter, $"adds a bias to '{target.Name}'");
            }

            long[] shape = target.IsTransposed ? [target.Inputs, target.Outputs] : [target.Outputs, target.Inputs];
            if (!checkpoint.Tensors.TryGetValue(target.Name, out TensorInfo? tensor)
                || !tensor.Shape.SequenceEqual(shape))
            {
                throw new CheckpointException(
                    $"The adapter '{name}' in '{adapter.Path}' changes tensor '{target.Name}' of shape "
                    + $"{TensorInfo.FormatShape(shape)}; the checkpoint '{checkpoint.Path}' has "
                    + $"{(tensor is null ? "none" : $"one of shape {TensorInfo.FormatShape(tensor.Shape)}")}. Use the "
                    + $"model that it was trained on{(adapter.BaseModel is { } model ? $", '{model}'" : "")}.",
                    adapter.Path, target.Name);
            }
        }
    }

    private static NotSupportedException Unswitchable(string name, LoraAdapter adapter, string what) => new(
        $"The adapter '{name}' in '{adapter.Path}' {what}, which cannot be switched per request. Merge it at export "
        + "instead.");
}
