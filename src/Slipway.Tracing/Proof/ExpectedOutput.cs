using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.Tracing.Proof;

/// <summary>An output of the module that waits for the graph's, a large one in a file.</summary>
internal sealed class ExpectedOutput : IDisposable
{
    private const long MaxHeld = 32L << 20;
    private readonly torch.Tensor? _tensor;
    private readonly FileStream? _file;

    private ExpectedOutput(torch.Tensor tensor, string? folder)
    {
        Shape = tensor.shape;
        if (folder is null || tensor.dtype != torch.ScalarType.Float32
            || tensor.numel() * tensor.element_size() <= MaxHeld || tensor.numel() > int.MaxValue / sizeof(float))
        {
            _tensor = tensor;
            return;
        }

        _file = new FileStream(
            Path.Combine(folder, Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None,
            bufferSize: 0, FileOptions.DeleteOnClose);
        using (tensor)
        using (var scope = torch.NewDisposeScope())
        {
            _file.Write(TensorMemory.Elements(tensor).bytes);
        }
    }

    /// <summary>The sizes.</summary>
    public long[] Shape { get; }

    /// <summary>Keeps an output.</summary>
    /// <param name="tensor">The output, which is disposed where a file holds it.</param>
    /// <param name="folder">The folder of the file; null to keep all outputs in memory.</param>
    /// <exception cref="IOException">The disk is full.</exception>
    public static ExpectedOutput Keep(torch.Tensor tensor, string? folder) => new(tensor, folder);

    /// <summary>Compares the graph's output.</summary>
    public Difference Compare(OrtValue actual)
    {
        if (_tensor is not null)
        {
            return Difference.Of(actual, _tensor);
        }

        if (!actual.GetTensorTypeAndShape().Shape.AsSpan().SequenceEqual(Shape))
        {
            return new(double.PositiveInfinity, double.PositiveInfinity);
        }

        _file!.Position = 0;
        return Difference.OfSingles(
            actual.GetTensorDataAsSpan<float>(), piece => _file.ReadExactly(MemoryMarshal.AsBytes(piece)));
    }

    /// <summary>Compares with what the module computes otherwise.</summary>
    public Difference Compare(torch.Tensor exact)
    {
        using var scope = torch.NewDisposeScope();
        if (_tensor is not null)
        {
            return Difference.Of(_tensor, exact);
        }

        var tensor = torch.empty(Shape);
        _file!.Position = 0;
        _file.ReadExactly(tensor.bytes);
        return Difference.Of(tensor, exact);
    }

    public void Dispose()
    {
        _tensor?.Dispose();
        _file?.Dispose();
    }
}
