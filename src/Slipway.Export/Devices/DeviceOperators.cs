using Slipway.Onnx;

namespace Slipway.Export.Devices;

/// <summary>Lists the operators that GPUs have kernels for, of those that graphs of decoders are written in.</summary>
/// <remarks>
/// Each row is true of float16 and of the integers that sizes and positions are computed in, at operator set 21. What
/// computes sizes alone, ONNX Runtime may leave to the processor. Left out is what no processor could check in half
/// precision, such as sums by ScatterND. Source: ONNX Runtime, docs/OperatorKernels.md.
/// </remarks>
internal static class DeviceOperators
{
    /// <summary>The devices that graphs can be written for, by the names of their execution providers.</summary>
    public static IReadOnlyList<string> Devices { get; } = [Cuda, DirectML];

    private const string Cuda = "cuda", DirectML = "directml";
    private const int KeyScale = 12;

    private static readonly string[] Both = [Cuda, DirectML];
    private static readonly string[] CudaOnly = [Cuda];

    private static readonly Dictionary<(string Domain, string Operator), string[]> Rows = new()
    {
        [("", "Abs")] = Both,
        [("", "Add")] = Both,
        [("", "Cast")] = Both,
        [("", "Clip")] = Both,
        [("", "Concat")] = Both,
        [("", "CumSum")] = Both,
        [("", "Div")] = Both,
        [("", "Equal")] = Both,
        [("", "Expand")] = Both,
        [("", "Gather")] = Both,
        [("", "GatherElements")] = Both,
        [("", "GatherND")] = Both,
        [("", "Gelu")] = CudaOnly,
        [("", "Greater")] = Both,
        [("", "LayerNormalization")] = Both,
        [("", "Log")] = Both,
        [("", "MatMul")] = Both,
        [("", "Max")] = Both,
        [("", "Min")] = Both,
        [("", "Mul")] = Both,
        [("", "Neg")] = Both,
        [("", "Not")] = Both,
        [("", "Pad")] = Both,
        [("", "Range")] = Both,
        [("", "ReduceMax")] = Both,
        [("", "ReduceSum")] = Both,
        [("", "Relu")] = Both,
        [("", "Reshape")] = Both,
        [("", "ScatterElements")] = Both,
        [("", "Shape")] = Both,
        [("", "Sigmoid")] = Both,
        [("", "SimplifiedLayerNormalization")] = Both,
        [("", "Slice")] = Both,
        [("", "Softmax")] = Both,
        [("", "Softplus")] = Both,
        [("", "Split")] = Both,
        [("", "Sqrt")] = Both,
        [("", "Sub")] = Both,
        [("", "Tanh")] = Both,
        [("", "TopK")] = Both,
        [("", "Transpose")] = Both,
        [("", "Where")] = Both,
        [(OnnxModel.ContribDomain, "FusedMatMul")] = Both,
        [(OnnxModel.ContribDomain, "GatherBlockQuantized")] = CudaOnly,
        [(OnnxModel.ContribDomain, "Gelu")] = Both,
        [(OnnxModel.ContribDomain, "GroupQueryAttention")] = Both,
        [(OnnxModel.ContribDomain, "MatMulBnb4")] = CudaOnly,
        [(OnnxModel.ContribDomain, "MatMulNBits")] = Both,
        [(OnnxModel.ContribDomain, "MoE")] = CudaOnly,
        [(OnnxModel.ContribDomain, "MultiHeadAttention")] = Both,
        [(OnnxModel.ContribDomain, "QMoE")] = CudaOnly,
        [(OnnxModel.ContribDomain, "RotaryEmbedding")] = Both,
        [(OnnxModel.ContribDomain, "SkipSimplifiedLayerNormalization")] = Both,
    };

    /// <summary>Requires that devices are known.</summary>
    /// <exception cref="ArgumentException">One is not.</exception>
    public static void RequireKnown(IEnumerable<string> devices)
    {
        foreach (var device in devices.Where(device => device != "cpu" && !Devices.Contains(device)))
        {
            throw new ArgumentException(
                $"There is no device '{device}' to write a graph for. Choose one of 'cpu', "
                + $"{string.Join(" and ", Devices.Select(known => $"'{known}'"))}.", nameof(devices));
        }
    }

    /// <summary>Requires that a device has kernels for nodes in half precision.</summary>
    /// <exception cref="NotSupportedException">It has none for some; the message names each operator.</exception>
    public static void Require(IEnumerable<Node> nodes, string device)
    {
        var missing = nodes.Where(node => !Has(node, device))
            .GroupBy(node => node.Domain.Length == 0 ? node.OpType : $"{node.Domain}.{node.OpType}")
            .Select(group => $"'{group.Key}' ('{group.First().Name}')").ToArray();
        if (missing.Length > 0)
        {
            throw new NotSupportedException(
                $"'{device}' has no kernels for {string.Join(", ", missing)}, so no graph can be written for it. "
                + "Export without it, or store what they read otherwise ('--precision', '--recipe', '--kv-cache').");
        }
    }

    private static bool Has(Node node, string device)
        => Rows.TryGetValue((node.Domain, node.OpType), out var devices) && devices.Contains(device)

            // DirectML's list names no keys and values in codes.
            && (device != DirectML || node.OpType != "GroupQueryAttention" || node.Inputs.Count <= KeyScale);
}
