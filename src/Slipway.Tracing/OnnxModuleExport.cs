namespace Slipway.Tracing;

/// <summary>Report of an export.</summary>
/// <param name="Path">The graph file.</param>
/// <param name="DataPath">The file of the weights beside it; null where they stand in the graph file.</param>
/// <param name="Nodes">The number of nodes.</param>
/// <param name="WeightBytes">The size of all constants, in bytes.</param>
/// <param name="Inputs">The inputs' names.</param>
/// <param name="Outputs">The outputs, with their differences from the module.</param>
/// <param name="ProvenSizes">The sizes at which graph and module were compared, by name.</param>
/// <param name="Warnings">Fields that the module changed, and weights that are no numbers.</param>
public sealed record OnnxModuleExport(
    string Path, string? DataPath, int Nodes, long WeightBytes, IReadOnlyList<string> Inputs,
    IReadOnlyList<OutputDifference> Outputs, IReadOnlyList<IReadOnlyDictionary<string, long>> ProvenSizes,
    IReadOnlyList<string> Warnings)
{
    /// <summary>
    /// The differences with the weights of a module in float16 or bfloat16 cast to float32; null for other modules.
    /// </summary>
    public IReadOnlyList<OutputDifference>? OutputsInSingle { get; init; }

    /// <summary>The quantization of the weights; null where they were kept.</summary>
    public ModuleQuantization? Quantization { get; init; }
}

/// <summary>Report of the quantization of a graph's weights.</summary>
/// <param name="BytesBefore">The size of all constants before, in bytes.</param>
/// <param name="Matrices">The format of each matrix, by name.</param>
/// <param name="Outputs">The differences of the outputs from the module at the sizes that were proven.</param>
public sealed record ModuleQuantization(
    long BytesBefore, IReadOnlyDictionary<string, string> Matrices, IReadOnlyList<OutputDifference> Outputs);

/// <summary>The largest difference of an output between the graph and the module.</summary>
/// <param name="Name">The output.</param>
/// <param name="Absolute">The largest difference of two elements.</param>
/// <param name="Relative">That difference over the largest element.</param>
public sealed record OutputDifference(string Name, double Absolute, double Relative);
