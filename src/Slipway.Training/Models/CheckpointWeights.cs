using Slipway.Checkpoints;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>Copies the tensors of a checkpoint into the parameters of a module.</summary>
public static class CheckpointWeights
{
    private const int Chunk = 1 << 20;

    /// <summary>Fills every parameter from the tensor of its name, converted to the parameter's number type.</summary>
    /// <param name="module">The module; its parameters keep their place in memory.</param>
    /// <param name="checkpoint">Holds a tensor for each parameter and no other; of weights that a library quantized,
    /// the values that their codes stand for are taken.</param>
    /// <exception cref="CheckpointException">A tensor is missing, left over, of the wrong shape or of codes that cannot
    /// be read.</exception>
    public static void Load(nn.Module module, Checkpoint checkpoint)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(checkpoint);
        var parameters = module.named_parameters().ToArray();
        Check(checkpoint, parameters.ToDictionary(
            one => one.name, one => (IReadOnlyList<long>)one.parameter.shape, StringComparer.Ordinal));
        using var untracked = no_grad();
        foreach (var (name, parameter) in parameters)
        {
            using var scope = NewDisposeScope();
            var flat = parameter.view(-1);
            var buffer = new float[Math.Min(Chunk, flat.numel())];
            for (long start = 0; start < flat.numel(); start += buffer.Length)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, flat.numel() - start));
                checkpoint.ReadFloats(name, start, part);
                flat.narrow(0, start, part.Length).copy_(tensor(part.ToArray()));
            }
        }
    }

    private static void Check(Checkpoint checkpoint, Dictionary<string, IReadOnlyList<long>> expected)
    {
        foreach (var (name, shape) in expected)
        {
            if (!checkpoint.Tensors.TryGetValue(name, out var info))
            {
                throw new CheckpointException(
                    $"The checkpoint '{checkpoint.Path}' holds no tensor '{name}', which the model expects with shape "
                    + $"{Format(shape)}. Its configuration and its weights are not of one model.",
                    checkpoint.Path, name);
            }

            if (!info.Shape.SequenceEqual(shape))
            {
                throw new CheckpointException(
                    $"Tensor '{name}' of '{checkpoint.Path}' has shape {Format(info.Shape)}; expected {Format(shape)} "
                    + "from the configuration. Its configuration and its weights are not of one model.",
                    checkpoint.Path, name);
            }

            if (info.Type.IsCode())
            {
                throw new CheckpointException(
                    $"Tensor '{name}' of '{checkpoint.Path}' is stored as '{info.Type}', codes of a quantization that "
                    + "cannot be read. Train from the checkpoint that it was quantized from.", checkpoint.Path, name);
            }
        }

        foreach (var name in checkpoint.Tensors.Keys.Where(name => !expected.ContainsKey(name)))
        {
            throw new CheckpointException(
                $"Tensor '{name}' of '{checkpoint.Path}' has no place in the model. Its configuration and its weights "
                + "are not of one model.", checkpoint.Path, name);
        }
    }

    private static string Format(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
