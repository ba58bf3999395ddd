using System.Numerics.Tensors;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Single or half precision.</summary>
internal sealed class FloatFormat(ElementType type) : WeightFormat
{
    public override bool CanGather(int columns) => true;

    public override WeightFormat ForStacks(params IReadOnlyList<Weight> stacks) => this;

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        WriteData(writer, name, weight);
        return new FloatMatrix(
            new GraphValue(writer.Add(name, type, [weight.Rows, weight.Columns]).Name), type);
    }

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count)
    {
        WriteData(writer, name, weight);
        GraphValue stack = new(writer.Add(name, type, [count, weight.Rows / count, weight.Columns]).Name);

        // The cast of a constant is computed once, when the session is made.
        return new FloatStack(type == ElementType.Float32
            ? stack
            : new NodeScope(writer.Graph, $"/{name}").Cast(stack, ElementType.Float32));
    }

    private void WriteData(WeightWriter writer, string name, Weight weight)
    {
        var half = type == ElementType.Float16;
        Half[] narrowed = [];
        writer.Data.Begin((long)weight.Rows * weight.Columns * (half ? 2 : 4));
        writer.ReadChunks(name, weight, (chunk, _) =>
        {
            if (!half)
            {
                writer.Data.Write(chunk.Span);
                return;
            }

            Array.Resize(ref narrowed, Math.Max(narrowed.Length, chunk.Length));
            var halves = narrowed.AsSpan(0, chunk.Length);
            TensorPrimitives.ConvertToHalf(chunk.Span, halves);
            var index = halves.IndexOfAnyInRange(Half.PositiveInfinity, Half.PositiveInfinity);
            index = index >= 0 ? index : halves.IndexOf(Half.NegativeInfinity);
            if (index >= 0 && float.IsFinite(chunk.Span[index]))
            {
                throw writer.Bad(name,
                    $"holds the weight '{chunk.Span[index]}', which half precision cannot express. "
                    + "Export it to fp32, int8 or int4");
            }

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
