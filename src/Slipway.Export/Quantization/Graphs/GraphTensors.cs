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

    private readonly Dictionary<string, List<ConstantEdit>> _edits = new(StringComparer.Ordinal);

    // The last constant that an edit had to see as a whole.
    private (string Name, float[] Values) _whole = ("", []);

    /// <summary>Changes what is read of a constant from now on, after the changes of before.</summary>
    public void Edit(string constant, ConstantEdit edit)
    {
        if (!_edits.TryGetValue(constant, out var edits))
        {
            _edits.Add(constant, edits = []);
        }

        edits.Add(edit);
        _whole = ("", []);
    }

    /// <summary>Tells whether a constant is read otherwise than it stands there.</summary>
    public bool IsEdited(string constant) => _edits.ContainsKey(constant);

    /// <summary>Reads some elements of a constant in single or half precision.</summary>
    /// <exception cref="PackageException">The file is missing or too short.</exception>
    public void ReadFloats(Initializer constant, long first, Span<float> destination)
    {
        if (!_edits.TryGetValue(constant.Name, out var edits))
        {
            ReadStored(constant, first, destination);
            return;
        }

        var columns = (int)constant.Shape[^1];
        var rows = (int)(constant.Shape.Aggregate(1L, (product, size) => product * size) / columns);
        var (start, end) = (first, first + destination.Length);
        switch (edits.Max(edit => edit.Extent))
        {
            case EditExtent.All when _whole.Name == constant.Name:
                _whole.Values.AsSpan((int)first, destination.Length).CopyTo(destination);
                return;
            case EditExtent.All:
                (start, end) = (0, (long)rows * columns);
                break;
            case EditExtent.Row:
                (start, end) = (first / columns * columns, (end + columns - 1) / columns * columns);
                break;
        }

        var read = start == first && end == first + destination.Length
            ? destination : new float[checked((int)(end - start))];
        ReadStored(constant, start, read);
        foreach (var edit in edits)
        {
            edit.Apply(columns, rows, start, read);
        }

        if (read.Length != destination.Length)
        {
            read.Slice((int)(first - start), destination.Length).CopyTo(destination);
        }

        if (read.Length == (long)rows * columns && edits.Exists(edit => edit.Extent == EditExtent.All))
        {
            _whole = (constant.Name, read.ToArray());
        }
    }

    private void ReadStored(Initializer constant, long first, Span<float> destination)
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

    /// <summary>Reads some bytes of a constant as they are stored.</summary>
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
