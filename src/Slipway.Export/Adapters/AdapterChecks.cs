using Slipway.Checkpoints;

namespace Slipway.Export.Adapters;

/// <summary>A model that adapters stand beside.</summary>
/// <param name="Name">What messages call it.</param>
/// <param name="Find">The stored name and the shape of a weight, by the name that adapters have for it.</param>
internal sealed record AdapterBase(string Name, Func<string, (string Name, IReadOnlyList<long> Shape)?> Find)
{
    public static AdapterBase Of(Checkpoint checkpoint) => new(
        $"the checkpoint '{checkpoint.Path}'",
        name => checkpoint.FindTensor(name) is { } tensor ? (tensor.Name, tensor.Shape) : null);
}

/// <summary>Checks whether an adapter can stand beside a model.</summary>
internal static class AdapterChecks
{
    /// <summary>Refuses what is more than products added to linear layers, and what does not fit.</summary>
    /// <returns>What the adapter adds to, by the names that the checkpoint stores tensors with.</returns>
    /// <exception cref="NotSupportedException">The adapter can only be merged.</exception>
    /// <exception cref="CheckpointException">The adapter does not fit the model.</exception>
    public static Dictionary<string, LoraTarget> Resolve(string name, LoraAdapter adapter, AdapterBase model)
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

            var tensor = model.Find(target.Name);
            if (tensor is null && target.Name is ("lm_head.weight" or "embed_out.weight"))
            {
                throw Unswitchable(
                    name, adapter, $"changes the head '{target.Name}', which the model ties to its embedding");
            }

            long[] shape = target.IsTransposed ? [target.Inputs, target.Outputs] : [target.Outputs, target.Inputs];
            if (tensor is not var (stored, size) || !size.SequenceEqual(shape))
            {
                throw new CheckpointException(
                    $"The adapter '{name}' in '{adapter.Path}' changes tensor '{target.Name}' of shape "
                    + $"{TensorInfo.FormatShape(shape)}; {model.Name} has "
                    + $"{(tensor is var (_, own) ? $"one of shape {TensorInfo.FormatShape(own)}" : "none")}. Use the "
                    + $"model that it was trained on{(adapter.BaseModel is { } trained ? $", '{trained}'" : "")}.",
                    adapter.Path, target.Name);
            }

            targets.Add(stored, target);
        }

        return targets;
    }

    private static NotSupportedException Unswitchable(string name, LoraAdapter adapter, string what) => new(
        $"The adapter '{name}' in '{adapter.Path}' {what}, which cannot be switched per request. Merge it at export "
        + "instead.");
}
