using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.Tracing.Proof;

/// <summary>Runs an exported graph in ONNX Runtime on the tensors of TorchSharp.</summary>
internal sealed class GraphRunner : IDisposable
{
    private readonly InferenceSession _session;
    private readonly SessionOptions _options = new();
    private readonly List<OrtValue> _weights = [];

    /// <summary>Opens a graph.</summary>
    /// <exception cref="NotSupportedException">ONNX Runtime's native library is missing.</exception>
    /// <param name="path">The graph file.</param>
    /// <param name="weights">Constants that are read where they are rather than loaded; they stay the caller's.</param>
    public GraphRunner(string path, IReadOnlyDictionary<string, torch.Tensor>? weights = null)
    {
        try
        {
            _options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR;
            _options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC;
            _options.AddSessionConfigEntry("session.disable_prepacking", "1");

            // Threads that wait for work would take the processors from torch, which runs in turns with the graph.
            _options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");

            // Few runs of other sizes each: memory that is kept for the next one would only be held twice.
            _options.EnableCpuMemArena = false;
            _options.EnableMemoryPattern = false;
            if (weights is { Count: > 0 })
            {
                // A constant that is computed from a large one would be held beside it; transposed ones are fused.
                _options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_EXTENDED;
                _options.AddSessionConfigEntry("optimization.disable_specified_optimizers", "ConstantFolding");
            }

            foreach (var (name, tensor) in weights ?? new Dictionary<string, torch.Tensor>())
            {
                _weights.Add(OrtValue.CreateTensorValueWithData(
                    OrtMemoryInfo.DefaultInstance, (TensorElementType)ElementTypes.Of(tensor.dtype), tensor.shape,
                    TensorMemory.Pointer(tensor), tensor.numel() * tensor.element_size()));
                _options.AddInitializer(name, _weights[^1]);
            }

            _session = new InferenceSession(path, _options);
        }
        catch (Exception exception) when (exception is DllNotFoundException or TypeInitializationException)
        {
            throw new NotSupportedException(
                "An export is proven in ONNX Runtime, whose native library is missing. Reference "
                + "'Microsoft.ML.OnnxRuntime' or 'Slipway.Cpu'.", exception);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new ModuleMismatchException(
                $"ONNX Runtime does not take the graph: {exception.Message} Export the module in float32 where "
                + "its type has no kernel, or choose another 'Opset'.", exception);
        }
    }

    /// <summary>Runs the graph.</summary>
    /// <returns>The outputs, in order; the caller disposes them.</returns>
    public IDisposableReadOnlyCollection<OrtValue> Run(
        IReadOnlyList<string> inputs, IReadOnlyList<torch.Tensor> tensors, IReadOnlyList<string> outputs)
    {
        List<OrtValue> values = [];
        try
        {
            foreach (var tensor in tensors)
            {
                values.Add(ToOrt(tensor));
            }

            // Inputs that do not reach an output are still inputs of the graph.
            using RunOptions options = new();
            return _session.Run(options, [.. inputs], values, [.. outputs]);
        }
        finally
        {
            foreach (var value in values)
            {
                value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
        _weights.ForEach(weight => weight.Dispose());
    }

    private static OrtValue ToOrt(torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        var value = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, (TensorElementType)ElementTypes.Of(tensor.dtype),
            tensor.shape);
        if (tensor.numel() > 0)
        {
            MemoryMarshal.AsBytes(TensorMemory.Elements(tensor).bytes)
                .CopyTo(value.GetTensorMutableRawData());
        }

        return value;
    }

    /// <summary>Copies a value; the caller disposes the tensor.</summary>
    public static torch.Tensor ToTorch(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        var type = Enum.GetValues<torch.ScalarType>().First(candidate => IsSame(candidate, info.ElementDataType));
        var tensor = torch.empty(info.Shape, type);
        if (tensor.numel() > 0)
        {
            value.GetTensorMutableRawData().CopyTo(tensor.bytes);
        }

        return tensor;
    }

    private static bool IsSame(torch.ScalarType type, TensorElementType element)
        => type is not (torch.ScalarType.ComplexFloat32 or torch.ScalarType.ComplexFloat64 or torch.ScalarType.QInt8
            or torch.ScalarType.QUInt8 or torch.ScalarType.QInt32)
            && (int)ElementTypes.Of(type) == (int)element;
}
