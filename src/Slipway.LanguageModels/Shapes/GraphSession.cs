using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;

namespace Slipway.LanguageModels.Shapes;

/// <summary>Runs a graph that is not written yet, or a part of one.</summary>
internal sealed class GraphSession : IDisposable
{
    private readonly string _path;
    private readonly SessionOptions _options = new();
    private readonly InferenceSession _session;

    /// <summary>Opens a graph.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="folder">The folder in which its files of constants stand.</param>
    /// <param name="optimized">Whether ONNX Runtime may fuse nodes.</param>
    public GraphSession(OnnxModel model, string folder, bool optimized = false)
    {
        _path = Path.Combine(folder, $"{Guid.NewGuid():N}.onnx");
        OnnxFile.Write(model, _path);
        try
        {
            _options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL;
            _options.GraphOptimizationLevel = optimized
                ? GraphOptimizationLevel.ORT_ENABLE_ALL : GraphOptimizationLevel.ORT_DISABLE_ALL;
            _options.AddSessionConfigEntry("session.disable_prepacking", "1");
            _session = new InferenceSession(_path, _options);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public InferenceSession Session => _session;

    /// <summary>Runs the graph.</summary>
    /// <returns>The outputs in order; the caller disposes them.</returns>
    public IDisposableReadOnlyCollection<OrtValue> Run(
        IReadOnlyDictionary<string, Numbers> inputs, IReadOnlyList<string> outputs)
    {
        List<OrtValue> values = [];
        try
        {
            foreach (var numbers in inputs.Values)
            {
                values.Add(numbers.ToOrt());
            }

            using RunOptions options = new();
            return _session.Run(options, [.. inputs.Keys], values, [.. outputs]);
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
    }

    public void Dispose()
    {
        _session?.Dispose();
        _options.Dispose();
        File.Delete(_path);
    }
}

/// <summary>A tensor of real numbers or of integers.</summary>
/// <param name="Shape">The sizes.</param>
/// <param name="Reals">The elements, where they are real.</param>
/// <param name="Integers">The elements, where they are integers.</param>
internal sealed record Numbers(long[] Shape, float[]? Reals, long[]? Integers)
{
    public static Numbers Of(float[] elements, params long[] shape) => new(shape, elements, null);

    public static Numbers Of(long[] elements, params long[] shape) => new(shape, null, elements);

    /// <summary>Reads real numbers.</summary>
    public static float[] Read(OrtValue value) => value.GetTensorDataAsSpan<float>().ToArray();

    public OrtValue ToOrt()
    {
        var type = Reals is null ? TensorElementType.Int64 : TensorElementType.Float;
        var value = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, type, Shape);
        var bytes = Reals is null ? MemoryMarshal.AsBytes<long>(Integers) : MemoryMarshal.AsBytes<float>(Reals);
        if (bytes.Length > 0)
        {
            bytes.CopyTo(value.GetTensorMutableRawData());
        }

        return value;
    }
}
