using Slipway.Export;

namespace Slipway.Tracing;

/// <summary>Settings of an export of a module.</summary>
public sealed class OnnxModuleOptions
{
    /// <summary>The inputs' names; without them those of the parameters of <c>forward</c>.</summary>
    public IReadOnlyList<string>? InputNames { get; init; }

    /// <summary>The outputs' names; without them <c>output</c>, or <c>output_0</c> and so on.</summary>
    public IReadOnlyList<string>? OutputNames { get; init; }

    /// <summary>The axes whose sizes each run decides, beside the batch.</summary>
    public DynamicAxes DynamicAxes { get; init; } = [];

    /// <summary>Tells whether the first axis of every input is a size <c>batch</c> that each run decides.</summary>
    /// <value>True.</value>
    public bool DynamicBatch { get; init; } = true;

    /// <summary>The version of ONNX's operators, 17 to 23.</summary>
    /// <value>21.</value>
    public int Opset { get; init; } = 21;

    /// <summary>The operators that a graph may consist of.</summary>
    /// <value>ONNX's own.</value>
    public OnnxOperatorSet Operators { get; init; }

    /// <summary>The way the weights are quantized once the graph is proven; null to keep them.</summary>
    /// <remarks>
    /// The report has the differences of the outputs that come with it. Methods that must see a language model run over
    /// text are none of a module's.
    /// </remarks>
    public QuantizeOptions? Quantization { get; init; }

    /// <summary>The largest difference between the graph and the module, relative to the scale of an output.</summary>
    /// <value>1e-4.</value>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>The size of weights from which on they stand in a file of their own, in bytes.</summary>
    /// <value>64 MiB. A graph file holds at most 2 GB.</value>
    public long ExternalDataThreshold { get; init; } = 64L << 20;

    /// <summary>
    /// Lets a module read elements of tensors that depend on inputs, for reports; what it computes from them must not
    /// reach an output, which is checked by varied inputs.
    /// </summary>
    /// <value>False.</value>
    public bool AllowReadingValues { get; init; }

    /// <summary>
    /// The largest difference of a graph in float16 or bfloat16 from its module, relative to the scale of an output.
    /// </summary>
    /// <remarks>
    /// Such a module is proven with its weights in float32 to <see cref="Tolerance"/>; this is for what rounding to 16
    /// bits adds, and holds where ONNX Runtime has kernels for the type.
    /// </remarks>
    /// <value>3e-2.</value>
    public double Tolerance16 { get; init; } = 3e-2;

    /// <summary>The seed of the inputs that are tried.</summary>
    /// <value>1.</value>
    public int Seed { get; init; } = 1;

    internal OnnxModuleOptions InSingle() => new()
    {
        InputNames = InputNames, OutputNames = OutputNames, DynamicAxes = DynamicAxes, DynamicBatch = DynamicBatch,
        Opset = Opset, Operators = Operators, Tolerance = Tolerance, ExternalDataThreshold = ExternalDataThreshold,
        AllowReadingValues = AllowReadingValues, Seed = Seed,
    };
}

/// <summary>Operators that a graph may consist of.</summary>
public enum OnnxOperatorSet
{
    /// <summary>Those of ONNX, which every runtime has.</summary>
    Standard,

    /// <summary>Those of ONNX Runtime too, which computes fused forms faster.</summary>
    OnnxRuntime,
}
