using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Packaging;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Reads constants of a graph file and of the files beside it.</summary>
/// <param name="folder">The graph's folder.</param>
internal sealed class GraphTensors(string folder) : IDisposable
{
    private const int HalvesAtOnce = 1 << 14;

    private readonly Dictionary<string, SafeFileHandle> _files = new(StringComparer.Ordinal);

    /// <summary>Reads some elements of a constant in single or half precision.</summary>
    /// <exception cref="PackageException">The file is missing or too short.</exception>
    public void ReadFloats(Initializer constant, long first, Span<float> destination)
    {
        if (constant.Type == ElementType.Float32)
        {
            ReadBytes(constant, first * sizeof(float), MemoryMarshal.AsBytes(destination));
            return;
        }

        var halves = new Half[Math.Min(destination.Length, HalvesAtOnce)];
        for (var done = 0; done < destination.Length; done += halves.Length)
        {
            var part = halves.AsSpan(0, Math.Min(halves.Length, destination.Length - done));
            ReadBytes(constant, (first + done) * 2, MemoryMarshal.AsBytes(part));
            TensorPrimitives.ConvertToSingle(part, destination[done..]);
        }
    }

    /// <summary>Reads some bytes of a constant.</summary>
    /// <exception cref="PackageException">The file is missing or too short.</exception>
    public void ReadBytes(Initializer constant, long first, Span<byte> destination)
    {
        if (constant.Data is TensorData.Inline inline)
        {
            if (first + destination.Length > inline.Length)
            {
                throw TooShort(constant, folder);
            }

            inline.Bytes.Span.Slice((int)first, destination.Length).CopyTo(destination);
            return;
        }

        var data = (TensorData.External)constant.Data;
        var path = PackagePath.Resolve(folder, data.File) ?? throw new PackageException(
            folder, $"The constant '{constant.Name}' stands in '{data.File}', which is outside the package.");
        if (!_files.TryGetValue(path, out var handle))
        {
            handle = File.Exists(path) ? File.OpenHandle(path) : throw new PackageException(
                path, $"The file '{path}', which holds the constant '{constant.Name}', is missing. Fetch or export the "
                + "package again.");
            _files.Add(path, handle);
        }

        if (RandomAccess.Read(handle, destination, data.Offset + first) < destination.Length)
        {
            throw TooShort(constant, path);
        }
    }

    public void Dispose()
    {
        foreach (var handle in _files.Values)
        {
            handle.Dispose();
        }
    }

    private static PackageException TooShort(Initializer constant, string path) => new(
        path, $"The constant '{constant.Name}' of '{path}' is cut off. Fetch or export the package again.");
}

/// <summary>A matrix that is a constant of a graph.</summary>
internal sealed class ConstantWeight(GraphTensors tensors, Initializer constant, int rows, int columns)
    : Weight(rows, columns)
{
    public override void ReadRows(int first, int count, Span<float> destination) =>
        tensors.ReadFloats(constant, (long)first * Columns, destination[..(count * Columns)]);
}
