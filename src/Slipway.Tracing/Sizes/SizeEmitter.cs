using Slipway.Onnx;

namespace Slipway.Tracing.Sizes;

/// <summary>Adds the nodes that compute sizes, once each.</summary>
/// <remarks>
/// A size that varies is looked for among the axes of tensors that exist already, then among expressions of them:
/// (a · p + b) / d rounded down, with p an axis, a product of two or a sum of two.
/// </remarks>
internal sealed class SizeEmitter(NodeScope scope)
{
    private const int MaxDivisor = 64;

    // Ambiguous offsets of a rounded quotient are settled by the one nearest to zero.
    private readonly Dictionary<string, GraphValue> _emitted = new(StringComparer.Ordinal);
    private readonly List<(TracedSize Size, GraphValue Tensor, int Axis)> _axes = [];
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<GraphValue, GraphValue> _shapes = [];

    /// <summary>Declares the axes of a tensor that exists from now on.</summary>
    public void Add(GraphValue tensor, IReadOnlyList<TracedSize> shape)
    {
        for (var axis = 0; axis < shape.Count; axis++)
        {
            if (!shape[axis].IsFixed && _known.Add(shape[axis].Key))
            {
                _axes.Add((shape[axis], tensor, axis));
            }
        }
    }

    /// <summary>Adds a list of sizes, int64 [count].</summary>
    public GraphValue Emit(IReadOnlyList<TracedSize> sizes)
    {
        if (sizes.All(size => size.IsFixed))
        {
            return scope.Ints([.. sizes.Select(size => size.Value)]);
        }

        var key = string.Join(';', sizes.Select(size => size.Key));
        if (!_emitted.TryGetValue(key, out var value))
        {
            GraphValue[] parts = [.. Runs(sizes)];
            _emitted[key] = value = parts.Length == 1
                ? parts[0]
                : scope.AddNode(OnnxModel.StandardDomain, "Concat", parts, new NodeAttribute.Int("axis", 0));
        }

        return value;
    }

    /// <summary>Adds a size, int64 [1].</summary>
    /// <exception cref="SizeException">No expression of the sizes of tensors gives it in every run.</exception>
    public GraphValue Emit(TracedSize size) => TryEmit(size) ?? throw new SizeException(size);

    /// <summary>Adds a size, int64 [1]; null where no expression of sizes gives it in every run.</summary>
    public GraphValue? TryEmit(TracedSize size)
    {
        if (size.IsFixed)
        {
            return scope.Ints(size.Value);
        }

        if (!_emitted.TryGetValue(size.Key, out var value))
        {
            if (Search(size) is not { } found)
            {
                return null;
            }

            _emitted[size.Key] = value = found;
        }

        return value;
    }

    // Fixed sizes that stand side by side are one constant.
    private IEnumerable<GraphValue> Runs(IReadOnlyList<TracedSize> sizes)
    {
        List<long> fixedSizes = [];
        foreach (var size in sizes)
        {
            if (size.IsFixed)
            {
                fixedSizes.Add(size.Value);
                continue;
            }

            if (fixedSizes.Count > 0)
            {
                yield return scope.Ints([.. fixedSizes]);
                fixedSizes.Clear();
            }

            yield return Emit(size);
        }

        if (fixedSizes.Count > 0)
        {
            yield return scope.Ints([.. fixedSizes]);
        }
    }

    private GraphValue? Search(TracedSize size)
    {
        foreach (var (known, tensor, axis) in _axes)
        {
            if (known.Equals(size))
            {
                return Axis(tensor, axis);
            }
        }

        foreach (var (known, tensor, axis) in _axes)
        {
            if (Quotient.Exact(known, size) is { } exact)
            {
                return Apply(exact, Axis(tensor, axis));
            }
        }

        return Pairs(size) ?? Rounded(size);
    }

    private GraphValue? Pairs(TracedSize size)
    {
        for (var first = 0; first < _axes.Count; first++)
        {
            for (var second = first; second < _axes.Count; second++)
            {
                var (left, right) = (_axes[first], _axes[second]);
                if (Quotient.Exact(left.Size * right.Size, size) is { } product)
                {
                    return Apply(product, Binary("Mul", Axis(left.Tensor, left.Axis), Axis(right.Tensor, right.Axis)));
                }

                if (first != second && Quotient.Exact(left.Size + right.Size, size) is { } sum)
                {
                    return Apply(sum, Binary("Add", Axis(left.Tensor, left.Axis), Axis(right.Tensor, right.Axis)));
                }

                if (first != second && Quotient.Exact(left.Size - right.Size, size) is { } difference)
                {
                    return Apply(
                        difference, Binary("Sub", Axis(left.Tensor, left.Axis), Axis(right.Tensor, right.Axis)));
                }
            }
        }

        return Triples(size);
    }

    private GraphValue? Triples(TracedSize size)
    {
        for (var first = 0; first < _axes.Count; first++)
        {
            for (var second = first; second < _axes.Count; second++)
            {
                var pair = _axes[first].Size * _axes[second].Size;
                for (var third = second; third < _axes.Count; third++)
                {
                    if (Quotient.Exact(pair * _axes[third].Size, size) is { } product)
                    {
                        var two = Binary(
                            "Mul", Axis(_axes[first].Tensor, _axes[first].Axis),
                            Axis(_axes[second].Tensor, _axes[second].Axis));
                        return Apply(product, Binary("Mul", two, Axis(_axes[third].Tensor, _axes[third].Axis)));
                    }
                }
            }
        }

        return null;
    }

    private GraphValue? Rounded(TracedSize size)
    {
        for (var divisor = 2; divisor <= MaxDivisor; divisor++)
        {
            foreach (var (known, tensor, axis) in _axes)
            {
                if (Quotient.Rounded(known, size, divisor) is { } rounded)
                {
                    return Apply(rounded, Axis(tensor, axis));
                }
            }
        }

        return Steps(size);
    }

    // A multiple of a rounded quotient: t / 2 * 2.
    private GraphValue? Steps(TracedSize size)
    {
        for (var factor = 2; factor <= MaxDivisor; factor++)
        {
            var step = factor;
            if (!size.Runs.All(value => value % step == 0))
            {
                continue;
            }

            foreach (var (known, tensor, axis) in _axes)
            {
                if (Quotient.Rounded(known, size.Map(value => value / step), step) is { } rounded)
                {
                    return Binary("Mul", Apply(rounded, Axis(tensor, axis)), scope.Ints(step));
                }
            }
        }

        return null;
    }

    private GraphValue Apply(Quotient form, GraphValue value)
    {
        if (form.Factor != 1)
        {
            value = Binary("Mul", value, scope.Ints(form.Factor));
        }

        if (form.Offset != 0)
        {
            value = Binary("Add", value, scope.Ints(form.Offset));
        }

        return form.Divisor == 1 ? value : Binary("Div", value, scope.Ints(form.Divisor));
    }

    private GraphValue Axis(GraphValue tensor, int axis)
    {
        var key = $"{tensor}:{axis}";
        if (!_emitted.TryGetValue(key, out var value))
        {
            if (!_shapes.TryGetValue(tensor, out var shape))
            {
                _shapes[tensor] = shape = scope.AddNode(OnnxModel.StandardDomain, "Shape", [tensor]);
            }

            _emitted[key] = value = scope.AddNode(
                OnnxModel.StandardDomain, "Gather", [shape, scope.Ints(axis)], new NodeAttribute.Int("axis", 0));
        }

        return value;
    }

    private GraphValue Binary(string operation, GraphValue left, GraphValue right)
        => scope.AddNode(OnnxModel.StandardDomain, operation, [left, right]);
}

/// <summary>(factor · p + offset) / divisor, rounded down.</summary>
internal readonly record struct Quotient(long Factor, long Offset, long Divisor)
{
    private const int MaxFactor = 8;
    private const int MinValues = 3;

    /// <summary>Finds the straight line through all runs; null where there is none.</summary>
    public static Quotient? Exact(TracedSize known, TracedSize wanted)
    {
        var (x, y) = (known.Runs, wanted.Runs);
        var other = Enumerable.Range(1, x.Count - 1).FirstOrDefault(run => x[run] != x[0]);
        if (other == 0)
        {
            return null;
        }

        var (rise, run1) = (y[other] - y[0], x[other] - x[0]);
        var divisor = (long)System.Numerics.BigInteger.GreatestCommonDivisor(rise, run1);
        if (rise == 0 || divisor == 0)
        {
            return null;
        }

        var (factor, below) = (rise / divisor * Math.Sign(run1), Math.Abs(run1 / divisor));
        var offset = (y[0] * below) - (factor * x[0]);
        for (var run = 0; run < x.Count; run++)
        {
            if ((factor * x[run]) + offset != y[run] * below)
            {
                return null;
            }
        }

        return new Quotient(factor, offset, below);
    }

    /// <summary>Finds a rounded quotient that holds in all runs; null where there is none.</summary>
    public static Quotient? Rounded(TracedSize known, TracedSize wanted, long divisor)
    {
        // Two values fit too many quotients: a threshold looks the same.
        if (wanted.Runs.Distinct().Count() < MinValues)
        {
            return null;
        }

        for (var factor = 1; factor <= MaxFactor; factor++)
        {
            var (low, high) = (long.MinValue, long.MaxValue);
            for (var run = 0; run < known.Runs.Count; run++)
            {
                var least = (divisor * wanted.Runs[run]) - (factor * known.Runs[run]);
                (low, high) = (Math.Max(low, least), Math.Min(high, least + divisor - 1));
            }

            if (low <= high)
            {
                return new Quotient(factor, Math.Clamp(0, low, high), divisor);
            }
        }

        return null;
    }
}

/// <summary>Says that a size follows from no sizes of tensors.</summary>
internal sealed class SizeException(TracedSize size)
    : Exception($"An integer was {size} in the runs, which no expression of sizes gives.")
{
    public TracedSize Size { get; } = size;
}
