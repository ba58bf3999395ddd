namespace Slipway.Kernels.Interop;

/// <summary>Computes one node of a graph; made when a session opens, used by one run at a time.</summary>
internal interface INodeKernel : IDisposable
{
    /// <summary>The node, for errors.</summary>
    KernelNode Node { get; }

    void Compute(KernelContext context);
}

/// <summary>Describes an operator to ONNX Runtime; a row of <see cref="KernelLibrary"/>.</summary>
/// <param name="Name">The operator's name.</param>
/// <param name="Create">Makes the kernel of a node.</param>
/// <param name="Inputs">The types of the inputs.</param>
/// <param name="RequiredInputs">The number of inputs, the first ones, that must be there.</param>
/// <param name="Outputs">The types of the outputs.</param>
internal sealed record CustomOperator(
    string Name,
    Func<KernelInfo, INodeKernel> Create,
    IReadOnlyList<OperandType> Inputs,
    int RequiredInputs,
    IReadOnlyList<OperandType> Outputs);

/// <summary>Types of tensors, by ONNX's numbers.</summary>
internal enum OperandType
{
    /// <summary>None for a tensor; for an operator's input any of them.</summary>
    Any = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
    Float16 = 10,
}
