namespace Slipway.Onnx;

/// <summary>Content of an <c>.onnx</c> file: a graph and the operator sets that it is written in.</summary>
/// <param name="Graph">The computation.</param>
public sealed record OnnxModel(Graph Graph)
{
    /// <summary>The operators of ONNX itself.</summary>
    public const string StandardDomain = "";

    /// <summary>ONNX Runtime's own operators.</summary>
    public const string ContribDomain = "com.microsoft";

    /// <summary>The version of the file format.</summary>
    public long IrVersion { get; init; } = 10;

    /// <summary>The program that wrote the file.</summary>
    public string? ProducerName { get; init; }

    /// <summary>That program's version.</summary>
    public string? ProducerVersion { get; init; }

    /// <summary>The operator sets that this library writes graphs in.</summary>
    public static IReadOnlyDictionary<string, long> DefaultOperatorSets { get; } =
        new Dictionary<string, long> { [StandardDomain] = 21, [ContribDomain] = 1 };

    /// <summary>Operator set versions by domain.</summary>
    public IReadOnlyDictionary<string, long> OperatorSets { get; init; } = DefaultOperatorSets;
}
