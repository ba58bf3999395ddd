namespace Slipway.Checkpoints.Quantized;

// The tensors that quantized weights consist of; remembers which were taken, so that the rest are plain.
internal sealed class QuantizedParts(Checkpoint checkpoint)
{
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    public Checkpoint Checkpoint => checkpoint;

    // What was read last of a weight whose rows lie scattered; replaced as a whole, from any thread.
    public PackedWindow? Window { get; set; }

    public bool IsTaken(string name) => _taken.Contains(name);

    public bool Has(string name) => checkpoint.Tensors.ContainsKey(name);

    // What stands before the suffix, of all tensors that end with it.
    public IEnumerable<string> Roots(string suffix) => checkpoint.Tensors.Keys
        .Where(name => name.EndsWith(suffix, StringComparison.Ordinal)).Select(name => name[..^suffix.Length]);

    // The tensors of these types that are matrices or stacks of them.
    public IEnumerable<TensorInfo> Matrices(params TensorType[] types) =>
        checkpoint.Tensors.Values.Where(tensor => tensor.Shape.Count >= 2 && types.Contains(tensor.Type));

    public TensorInfo Take(string name, params ReadOnlySpan<TensorType> types)
    {
        if (!checkpoint.Tensors.TryGetValue(name, out var tensor))
        {
            throw new CheckpointException(
                $"The checkpoint '{checkpoint.Path}' lacks the tensor '{name}' of a quantized weight. Put the " +
                "weight file that holds it beside the others.", checkpoint.Path, name);
        }

        _taken.Add(name);
        return types.Contains(tensor.Type) ? tensor : throw Bad(
            tensor, $"the type {string.Join(" or ", types.ToArray())}");
    }

    public TensorInfo? TakeIfThere(string name, params ReadOnlySpan<TensorType> types) =>
        Has(name) ? Take(name, types) : null;

    // Takes what the weights do without.
    public void Leave(string name) => _taken.Add(name);

    public void RequireShape(TensorInfo tensor, params long[] shape)
    {
        if (!tensor.Shape.SequenceEqual(shape))
        {
            throw Bad(tensor, $"the shape {TensorInfo.FormatShape(shape)} for codes and groups");
        }
    }

    // Outputs and inputs of a weight, which the reader counts in 32 bits.
    public (int Rows, int Columns) Sizes(TensorInfo codes, long rows, long columns) =>
        rows is < 1 or > int.MaxValue || columns is < 1 or > int.MaxValue
            ? throw Bad(codes, "1 or more outputs and inputs")
            : ((int)rows, (int)columns);

    // The only number of a tensor.
    public float Number(TensorInfo tensor)
    {
        if (tensor.Count != 1)
        {
            throw Bad(tensor, "one number");
        }

        Span<float> value = stackalloc float[1];
        checkpoint.ReadFloats(tensor.Name, 0, value);
        RequireFinite(tensor, value);
        return value[0];
    }

    // The group of each column, where columns are not grouped in their order; null otherwise.
    public int[]? Groups(string name, int columns, int groupSize)
    {
        if (TakeIfThere(name, TensorType.I32, TensorType.I64) is not { } tensor)
        {
            return null;
        }

        RequireShape(tensor, columns);
        var values = new float[columns];
        checkpoint.ReadFloats(name, 0, values);
        if (values.Contains(-1))
        {
            // The library's mark of an order that was not used.
            return null;
        }

        var groups = (columns + groupSize - 1) / groupSize;
        if (values.Any(value => value < 0 || value >= groups))
        {
            throw Bad(tensor, $"numbers from 0 to {groups - 1}, the groups");
        }

        var index = Array.ConvertAll(values, value => (int)value);
        return Enumerable.Range(0, columns).All(i => index[i] == i / groupSize) ? null : index;
    }

    public void RequireFinite(TensorInfo tensor, ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
            {
                throw new CheckpointException(
                    $"Tensor '{tensor.Name}' of '{checkpoint.Path}' holds the scale '{value}', which is not a finite " +
                    "number. The weights are damaged: compare the file's hash with the one that its author publishes.",
                    checkpoint.Path, tensor.Name);
            }
        }
    }

    public CheckpointException Bad(TensorInfo tensor, string expected) => new(
        $"Tensor '{tensor.Name}' of '{checkpoint.Path}' has the type {tensor.Type} and the shape " +
        $"{TensorInfo.FormatShape(tensor.Shape)}; expected {expected}. Put the 'config.json' that was " +
        "published with these weights beside them.", checkpoint.Path, tensor.Name);
}
