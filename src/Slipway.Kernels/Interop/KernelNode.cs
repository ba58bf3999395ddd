using System.Globalization;

namespace Slipway.Kernels.Interop;

/// <summary>
/// Names the node that a kernel computes, and compares the node's tensors with what the kernel was told of them.
/// </summary>
/// <remarks>
/// A graph comes from a file: no size of it is used as a pointer's bound before it was compared here.
/// </remarks>
/// <param name="name">The node's name.</param>
/// <param name="operatorName">The operator's name.</param>
/// <param name="inputs">The names of the node's inputs, empty for those that it leaves out.</param>
internal sealed class KernelNode(string name, string operatorName, IReadOnlyList<string> inputs)
{
    public string Name => name;

    /// <summary>Tells whether the node names a tensor for an input.</summary>
    public bool Has(int input) => input < inputs.Count && inputs[input].Length > 0;

    /// <summary>The name of the tensor that an input reads.</summary>
    public string InputName(int input) => input < inputs.Count ? inputs[input] : "";

    /// <summary>Compares a tensor with the type and shape that an input must have.</summary>
    /// <exception cref="InvalidDataException">The tensor is missing or another one.</exception>
    public void Require(in RuntimeApi.Tensor tensor, int input, OperandType type, ReadOnlySpan<long> shape)
    {
        RequireType(tensor, input, type);
        if (!tensor.Shape.SequenceEqual(shape))
        {
            throw Invalid(
                $"input {input}, '{InputName(input)}', has the shape {Text(tensor.Shape)}; its attributes and other "
                + $"inputs ask for {Text(shape)}");
        }
    }

    /// <summary>Compares a tensor with the type that an input must have.</summary>
    /// <exception cref="InvalidDataException">The tensor is missing or another one.</exception>
    public void RequireType(in RuntimeApi.Tensor tensor, int input, OperandType type)
    {
        if (tensor.IsAbsent)
        {
            throw Invalid($"input {input} is missing; a tensor of type '{type}' was expected");
        }

        if (tensor.Type != type)
        {
            throw Invalid(
                $"input {input}, '{InputName(input)}', has the type '{tensor.Type}'; '{type}' was expected");
        }
    }

    /// <summary>Compares the number of a tensor's dimensions.</summary>
    /// <exception cref="InvalidDataException">The tensor has others.</exception>
    public void RequireRank(in RuntimeApi.Tensor tensor, int input, int rank)
    {
        if (tensor.Shape.Length != rank)
        {
            throw Invalid(
                $"input {input}, '{InputName(input)}', has the shape {Text(tensor.Shape)}; {rank} dimensions were "
                + "expected");
        }
    }

    /// <summary>Makes the error for a node that the kernel cannot compute.</summary>
    /// <param name="problem">The value that is wrong, and the one that was expected.</param>
    public InvalidDataException Invalid(string problem)
        => new($"Node '{name}' ({operatorName}): {problem}. Export the package again.");

    /// <summary>Writes a shape down.</summary>
    public static string Text(ReadOnlySpan<long> shape)
    {
        var sizes = new string[shape.Length];
        for (var i = 0; i < sizes.Length; i++)
        {
            sizes[i] = shape[i].ToString(CultureInfo.InvariantCulture);
        }

        return $"[{string.Join(", ", sizes)}]";
    }
}
