using Slipway.Checkpoints;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Copies the tensors of a checkpoint into the parameters of a module.</summary>
public static class CheckpointWeights
{
    private const int Chunk = 1 << 20;
    private const string Head = "lm_head.weight";
    private static readonly string[] Tables =
    [
        ".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", "embeddings.position_ids",
        "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
    ];

    /// <summary>Fills every parameter from the tensor of its name, converted to the parameter's number type.</summary>
    /// <param name="module">The module; its parameters keep their place in memory.</param>
    /// <param name="checkpoint">Holds a tensor for each parameter and no other; of weights that a library quantized,
    /// the values that their codes stand for are taken.</param>
    /// <exception cref="CheckpointException">A tensor is missing, left over, of the wrong shape or of codes that cannot
    /// be read.</exception>
    public static void Load(nn.Module module, Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(module);
        Load(
            [.. module.named_parameters().Select(one => (one.name, one.parameter))], checkpoint,
            "Its configuration and its weights are not of one model.");
    }

    /// <summary>Fills parameters from the tensors of their names.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="checkpoint">Holds a tensor for each parameter and no other.</param>
    /// <param name="cause">A sentence on what is the matter where it does not.</param>
    /// <param name="isUnused">Tells which other tensors the checkpoint may hold; null for none.</param>
    internal static void Load(
        IReadOnlyList<(string Name, Parameter Weight)> parameters, Checkpoint checkpoint, string cause,
        Func<string, bool>? isUnused = null)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var tensors = parameters.Select(one => Find(checkpoint, one.Name, one.Weight.shape, cause)).ToArray();
        CheckLeftOver(parameters, tensors, checkpoint, cause, isUnused);
        using var untracked = no_grad();
        foreach (var ((_, parameter), (tensor, start)) in parameters.Zip(tensors))
        {
            Fill(parameter, checkpoint, tensor.Name, start);
        }
    }

    private static void Fill(Parameter parameter, Checkpoint checkpoint, string name, long first)
    {
        using var scope = NewDisposeScope();
        var flat = parameter.view(-1);
        var buffer = new float[Math.Min(Chunk, flat.numel())];
        for (long start = 0; start < flat.numel(); start += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, flat.numel() - start));
            checkpoint.ReadFloats(name, first + start, part);
            flat.narrow(0, start, part.Length).copy_(tensor(part.ToArray()));
        }
    }

    // A parameter's tensor, and where it begins there.
    private static (TensorInfo Tensor, long Start) Find(
        Checkpoint checkpoint, string name, long[] shape, string cause)
    {
        if ((checkpoint.FindTensor(name) ?? checkpoint.FindTensor(TensorFlowName(name))) is not { } info)
        {
            return ExpertStacks.Find(checkpoint, name, shape) ?? throw new CheckpointException(
                $"The checkpoint '{checkpoint.Path}' holds no tensor '{name}', which the model expects with shape "
                + $"{Format(shape)}. {cause}", checkpoint.Path, name);
        }

        if (!info.Shape.SequenceEqual(shape))
        {
            throw new CheckpointException(
                $"Tensor '{name}' of '{checkpoint.Path}' has shape {Format(info.Shape)}; expected {Format(shape)} "
                + $"from the configuration. {cause}", checkpoint.Path, name);
        }

        return !info.Type.IsCode() ? (info, 0) : throw new CheckpointException(
            $"Tensor '{name}' of '{checkpoint.Path}' is stored as '{info.Type}', codes of a quantization that cannot "
            + "be read. Train from the checkpoint that it was quantized from.", checkpoint.Path, name);
    }

    private static void CheckLeftOver(
        IReadOnlyList<(string Name, Parameter Weight)> parameters, (TensorInfo Tensor, long Start)[] tensors,
        Checkpoint checkpoint, string cause, Func<string, bool>? isUnused)
    {
        // A stack may hold more experts than the model.
        foreach (var stack in tensors.Zip(parameters).GroupBy(one => one.First.Tensor)
            .Where(group => group.Key.Shape.Count == 3
                && group.Key.Count != group.Sum(one => one.Second.Weight.numel())))
        {
            throw new CheckpointException(
                $"Tensor '{stack.Key.Name}' of '{checkpoint.Path}' has shape {Format(stack.Key.Shape)}, of which the "
                + $"model takes {stack.Count()} matrices. {cause}", checkpoint.Path, stack.Key.Name);
        }

        // A tied head or embedding is stored twice at times, and old checkpoints keep tables and masks.
        var used = tensors.Select(one => one.Tensor.Name).ToHashSet(StringComparer.Ordinal);
        var tied = parameters.All(one => !one.Name.EndsWith(Head, StringComparison.Ordinal));
        foreach (var name in checkpoint.Tensors.Keys.Where(name => !used.Contains(name)
            && !(tied && name.EndsWith(Head, StringComparison.Ordinal))
            && !Tables.Any(table => name.EndsWith(table, StringComparison.Ordinal))
            && isUnused?.Invoke(name) != true))
        {
            throw new CheckpointException(
                $"Tensor '{name}' of '{checkpoint.Path}' has no place in the model. {cause}", checkpoint.Path, name);
        }
    }

    // Norms of checkpoints that were converted from TensorFlow.
    private static string TensorFlowName(string name) => name
        .Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal)
        .Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal);

    private static string Format(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
