using Slipway.Checkpoints;

namespace Slipway.Export.Weights;

/// <summary>Hands out the tensors of a checkpoint, checks their shapes and remembers who was asked for.</summary>
internal sealed class TensorSource(Checkpoint checkpoint)
{
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public bool Has(string name) => checkpoint.Tensors.ContainsKey(name);

    /// <summary>A matrix [rows, columns].</summary>
    public Weight Matrix(string name, int rows, int columns)
    {
        Require(name, [rows, columns]);
        return new StoredWeight(checkpoint, name, rows, columns);
    }

    /// <summary>A tensor [count, rows, columns] as matrices one below the other.</summary>
    public Weight Stack(string name, int count, int rows, int columns)
    {
        Require(name, [count, rows, columns]);
        return new StoredWeight(checkpoint, name, checked(count * rows), columns);
    }

    /// <summary>A tensor [count, columns, rows] as turned matrices one below the other.</summary>
    public Weight TransposedStack(string name, int count, int rows, int columns)
    {
        Require(name, [count, columns, rows]);
        return new TransposedStack(checkpoint, name, count, rows, columns);
    }

    /// <summary>The tensors <c>{name}_blocks</c> and <c>{name}_scales</c> as matrices one below the other.</summary>
    public Weight MxFp4Stack(string name, int count, int rows, int columns)
    {
        int blocks = (columns + Weights.MxFp4Stack.Block - 1) / Weights.MxFp4Stack.Block;
        Require($"{name}_blocks", [count, rows, blocks, Weights.MxFp4Stack.Block / 2]);
        Require($"{name}_scales", [count, rows, blocks]);
        foreach (string part in (string[])[$"{name}_blocks", $"{name}_scales"])
        {
            if (checkpoint.Tensors[part].Type != TensorType.U8)
            {
                throw new CheckpointException(
                    $"Tensor '{part}' of '{checkpoint.Path}' has the type '{checkpoint.Tensors[part].Type}'; MXFP4 is "
                    + "stored as 'U8'. Fetch the file again.", checkpoint.Path, part);
            }
        }

        return columns % Weights.MxFp4Stack.Block == 0
            ? new MxFp4Stack(checkpoint, name, checked(count * rows), columns)
            : throw new CheckpointException(
                $"Tensor '{name}_blocks' of '{checkpoint.Path}' stands for rows of {columns} numbers; MXFP4 has them "
                + $"in blocks of {Weights.MxFp4Stack.Block}. Correct the configuration.",
                checkpoint.Path, $"{name}_blocks");
    }

    /// <summary>A tensor of any shape as one list.</summary>
    public float[] Numbers(string name, params long[] shape)
    {
        Require(name, shape);
        float[] values = new float[checked((int)checkpoint.Tensors[name].Count)];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }

    /// <summary>A list of numbers, [count].</summary>
    public float[] Vector(string name, int count)
    {
        Require(name, [count]);
        float[] values = new float[count];
        checkpoint.ReadFloats(name, 0, values);
        return values;
    }

    /// <summary>Marks a tensor that the model does not need.</summary>
    public void Ignore(string name) => _asked.Add(name);

    /// <summary>Marks all tensors of a module that the model does not need.</summary>
    public void IgnoreModule(string prefix) => _asked.UnionWith(
        checkpoint.Tensors.Keys.Where(name => name.StartsWith($"{prefix}.", StringComparison.Ordinal)));

    /// <summary>Tensors that nobody asked for.</summary>
    public IReadOnlyList<string> Left() =>
        [.. checkpoint.Tensors.Keys.Where(name => !_asked.Contains(name)).Order(StringComparer.Ordinal)];

    private void Require(string name, IReadOnlyList<long> shape)
    {
        if (!checkpoint.Tensors.TryGetValue(name, out TensorInfo? tensor))
        {
            throw new CheckpointException(
                $"The checkpoint '{checkpoint.Path}' lacks the tensor '{name}' of shape "
                + $"{TensorInfo.FormatShape(shape)}, which its configuration calls for. Fetch the missing file, or "
                + "correct the configuration.", checkpoint.Path, name);
        }

        if (!tensor.Shape.SequenceEqual(shape))
        {
            throw new CheckpointException(
                $"Tensor '{name}' of '{checkpoint.Path}' has the shape {TensorInfo.FormatShape(tensor.Shape)}; its "
                + $"configuration calls for {TensorInfo.FormatShape(shape)}. Correct whichever is wrong.",
                checkpoint.Path, name);
        }

        _asked.Add(name);
    }
}
