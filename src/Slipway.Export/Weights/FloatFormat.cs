using System.Globalization;
using System.Numerics.Tensors;
using Slipway.Checkpoints;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Single precision, or half precision where it holds all weights of a matrix.</summary>
internal sealed class FloatFormat(ElementType type) : WeightFormat
{
    // The first number that rounds to infinity.
    private const float Overflow = 65520;

    public override bool CanGather(int columns) => true;

    public override WeightFormat ForStacks(params IReadOnlyList<Weight> stacks) => this;

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        var stored = WriteData(writer, name, weight);
        return new FloatMatrix(
            new GraphValue(writer.Add(name, stored, [weight.Rows, weight.Columns]).Name), stored);
    }

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count)
    {
        var stored = WriteData(writer, name, weight);
        GraphValue stack = new(writer.Add(name, stored, [count, weight.Rows / count, weight.Columns]).Name);

        // The cast of a constant is computed once, when the session is made.
        return new FloatStack(stored == ElementType.Float32
            ? stack
            : new NodeScope(writer.Graph, $"/{name}").Cast(stack, ElementType.Float32));
    }

    // Returns what the weights are stored in: a matrix in which one overflows stays in single precision.
    private ElementType WriteData(WeightWriter writer, string name, Weight weight)
    {
        if (type == ElementType.Float16 && Largest(writer, name, weight) is >= Overflow and var largest)
        {
            writer.Overflows.Add((name, largest));
            Write(writer, name, weight, isHalf: false);
            return ElementType.Float32;
        }

        Write(writer, name, weight, type == ElementType.Float16);
        return type;
    }

    private static float Largest(WeightWriter writer, string name, Weight weight)
    {
        var largest = 0f;
        writer.Scan(weight, chunk =>
        {
            var found = Math.Abs(TensorPrimitives.MaxMagnitude(chunk.Span));
            largest = float.IsFinite(found) ? Math.Max(largest, found) : throw Bad(writer, name, found);
        });
        return largest;
    }

    private static CheckpointException Bad(WeightWriter writer, string name, float found) => writer.Bad(
        name, $"holds a weight that is '{found.ToString(CultureInfo.InvariantCulture)}', not a finite number: the "
            + "checkpoint is damaged or its training diverged");

    private static void Write(WeightWriter writer, string name, Weight weight, bool isHalf)
    {
        Half[] narrowed = [];
        writer.Data.Begin((long)weight.Rows * weight.Columns * (isHalf ? 2 : 4));
        writer.ReadChunks(name, weight, (chunk, _) =>
        {
            if (!isHalf)
            {
                if (!TensorPrimitives.IsFiniteAll(chunk.Span))
                {
                    throw Bad(writer, name, TensorPrimitives.MaxMagnitude(chunk.Span));
                }

                writer.Data.Write(chunk.Span);
                return;
            }

            Array.Resize(ref narrowed, Math.Max(narrowed.Length, chunk.Length));
            var halves = narrowed.AsSpan(0, chunk.Length);
            TensorPrimitives.ConvertToHalf(chunk.Span, halves);
            writer.Data.Write<Half>(halves);
        });
    }
}

/// <summary>Weights in single or half precision; the latter are widened before they are used.</summary>
internal sealed class FloatMatrix(GraphValue weight, ElementType type) : GraphWeight
{
    private GraphValue? _widened;

    public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias)
    {
        var product = scope.LinearMatMul(x, Widen(scope));
        return bias == default ? product : scope.Add(product, bias);
    }

    /// <summary>The weights in single precision; the cast of a constant is computed once, when the session is
    /// made.</summary>
    public GraphValue Widen(NodeScope scope) =>
        _widened ??= type == ElementType.Float32 ? weight : scope.Cast(weight, ElementType.Float32);

    public override GraphValue Gather(NodeScope scope, GraphValue indices)
    {
        var rows = scope.Gather(weight, indices);
        return type == ElementType.Float32 ? rows : scope.Cast(rows, ElementType.Float32);
    }
}

/// <summary>A stack of float matrices.</summary>
/// <param name="Weight">float [count, rows, columns].</param>
internal sealed record FloatStack(GraphValue Weight) : GraphStack;
