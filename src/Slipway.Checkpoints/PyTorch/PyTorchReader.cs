using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.PyTorch;

// Finds the tensors of a file that torch.save wrote: the pickle names them, entries 'data/KEY' hold their bytes.
internal static class PyTorchReader
{
    private const string PickleFile = "/data.pkl";
    private const int MaxPickle = 256 << 20;
    private const int MaxDimensions = 32;

    public static IEnumerable<StoredTensor> Read(CheckpointFile file)
    {
        if (!file.ReadHead(4).AsSpan().StartsWith("PK"u8))
        {
            throw new CheckpointException(
                $"The file '{file.Path}' is not in the zip form that torch.save writes since PyTorch 1.6. Load and " +
                "save it again with a newer PyTorch, or use the model's safetensors files.", file.Path);
        }

        var zip = ZipDirectory.Read(file);
        var pickles = zip.Entries.Values.Where(entry => entry.Name.EndsWith(PickleFile, StringComparison.Ordinal));
        if (pickles.ToArray() is not [{ Length: <= MaxPickle } pickle])
        {
            throw zip.Bad(
                $"holds no '*{PickleFile}' of at most {MaxPickle} bytes; expected what torch.save writes");
        }

        var root = pickle.Name[..^PickleFile.Length];
        CheckByteOrder(file, zip, root);
        var bytes = new byte[(int)pickle.Length];
        file.Read(pickle.Offset, bytes);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var tensors = new List<StoredTensor>();
        foreach (var (name, tensor) in PyTorchState.Tensors(new PickleReader(bytes, file.Path).Read(), file.Path))
        {
            if (!names.Add(name))
            {
                throw Bad(file, name, "is listed twice");
            }

            tensors.Add(Place(file, zip, root, name, tensor));
        }

        return tensors;
    }

    private static void CheckByteOrder(CheckpointFile file, ZipDirectory zip, string root)
    {
        if (!zip.Entries.TryGetValue($"{root}/byteorder", out var entry))
        {
            return;
        }

        var order = new byte[(int)Math.Min(entry.Length, 16)];
        file.Read(entry.Offset, order);
        if (!order.AsSpan().SequenceEqual("little"u8))
        {
            throw zip.Bad(
                "holds big-endian numbers; expected little-endian",
                "Save the model as safetensors on the machine that it comes from.");
        }
    }

    private static StoredTensor Place(
        CheckpointFile file, ZipDirectory zip, string root, string name, PickleTensor tensor)
    {
        var shape = TensorInfo.FormatShape(tensor.Shape);
        var size = tensor.Type.BlockBytes();
        if (tensor.Shape.Length > MaxDimensions || !TensorInfo.TryCount(tensor.Shape, out var count) ||
            count > file.Length / size)
        {
            throw Bad(file, name, $"has the shape {shape}, more than its {file.Length} bytes can hold");
        }

        if (!zip.Entries.TryGetValue($"{root}/data/{tensor.Storage.Key}", out var entry))
        {
            throw Bad(file, name, $"lies in '{root}/data/{tensor.Storage.Key}', which is missing");
        }

        if (tensor.Offset > entry.Length / size || count > (entry.Length / size) - tensor.Offset)
        {
            throw Bad(file, name, $"has the shape {shape} from element {tensor.Offset} on, but its storage " +
                $"'{entry.Name}' has {entry.Length} bytes");
        }

        if (count > 1 && !IsContiguous(tensor))
        {
            throw new CheckpointException(
                $"Tensor '{name}' of the PyTorch file '{file.Path}' has the shape {shape} with strides " +
                $"{TensorInfo.FormatShape(tensor.Strides)}; only contiguous tensors are read. Save it after " +
                "'.contiguous()', or use safetensors.", file.Path, name);
        }

        return new StoredTensor(
            new TensorInfo(name, tensor.Type, tensor.Shape), file, entry.Offset + (tensor.Offset * size));
    }

    private static bool IsContiguous(PickleTensor tensor)
    {
        long expected = 1;
        for (var i = tensor.Shape.Length - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] != 1 && tensor.Strides[i] != expected)
            {
                return false;
            }

            expected *= tensor.Shape[i];
        }

        return true;
    }

    private static CheckpointException Bad(CheckpointFile file, string name, string problem) => new(
        $"Tensor '{name}' of the PyTorch file '{file.Path}' {problem}. Copy or download it again.", file.Path, name);
}
