using Slipway.Onnx;

namespace Slipway.LanguageModels.Shapes;

/// <summary>Knows along which axes operators work element by element.</summary>
internal static class AxisRules
{
    /// <summary>Mark of an axis that an operator computes across.</summary>
    public const int Across = -1;

    private static readonly HashSet<string> Elementwise = new(StringComparer.Ordinal)
    {
        "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "And", "Or", "Xor", "Not", "Where", "Equal", "Less",
        "LessOrEqual", "Greater", "GreaterOrEqual", "Abs", "Neg", "Exp", "Log", "Sqrt", "Sin", "Cos", "Tan", "Asin",
        "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Tanh", "Sigmoid", "Reciprocal", "Erf", "Relu",
        "Sign", "Floor", "Ceil", "Round", "Selu", "Elu", "Celu", "LeakyRelu", "HardSwish", "HardSigmoid", "Gelu",
        "Softplus", "Softsign", "PRelu", "Mish", "ThresholdedRelu", "Cast", "Identity", "IsNaN", "IsInf", "BitwiseAnd",
        "BitwiseOr", "BitwiseXor", "BitwiseNot", "Clip", "Swish", "FastGelu", "QuickGelu", "BiasGelu",
    };

    /// <summary>Operators whose result is their first input's elements in another arrangement.</summary>
    private static readonly HashSet<string> Moving = new(StringComparer.Ordinal)
    {
        "Reshape", "Flatten", "Transpose", "Unsqueeze", "Squeeze", "Expand", "Identity", "Tile",
    };

    public static bool IsElementwise(Node node) => Elementwise.Contains(node.OpType);

    public static bool IsMoving(Node node) => Moving.Contains(node.OpType);

    /// <summary>Tells whether an operator broadcasts its inputs from the last axis on.</summary>
    public static bool Broadcasts(Node node) => IsElementwise(node) || node.OpType is "MatMul" or "Expand";

    /// <summary>
    /// For each input, the axis of the output along which each of its axes is worked through element by element;
    /// null for an input that says how; null in all where nothing is known.
    /// </summary>
    public static int[]?[]? Map(Node node, GraphFacts facts)
    {
        var output = facts[node.Outputs[0]].Rank;
        int Rank(int input) => facts[node.Inputs[input]].Rank;
        int[] Same(int rank) => [.. Enumerable.Range(0, rank).Select(axis => axis + output - rank)];
        int[] But(int rank, Func<int, bool> isAcross) =>
            [.. Enumerable.Range(0, rank).Select(axis => isAcross(axis) ? Across : axis)];
        int At(string name, int rank, long fallback) => (int)Positive(Int(node, name, fallback), rank);
        int[]?[] First(int[]? map) => [map, .. Enumerable.Repeat<int[]?>(null, node.Inputs.Count - 1)];
        switch (node.OpType)
        {
            case "Clip":
                return First(Same(Rank(0)));
            case var _ when IsElementwise(node):
                return [.. node.Inputs.Select((input, index) => input.Length == 0 ? null : Same(Rank(index)))];
            case "Expand":
                return First(Same(Rank(0)));
            case "Transpose":
                var order = Ints(node, "perm")
                    ?? [.. Enumerable.Range(0, Rank(0)).Select(axis => (long)axis).Reverse()];
                return [[.. Enumerable.Range(0, Rank(0)).Select(axis => order.IndexOf(axis))]];
            case "Unsqueeze" when Parameter(node, 1, facts) is { } added:
                var places = added.Select(axis => Positive(axis, output)).ToHashSet();
                int[] kept = [.. Enumerable.Range(0, output).Where(axis => !places.Contains(axis))];
                return First(kept);
            case "Squeeze" when Parameter(node, 1, facts) is { } dropped:
                var gone = dropped.Select(axis => Positive(axis, Rank(0))).ToHashSet();
                var next = 0;
                return First([.. Enumerable.Range(0, Rank(0)).Select(axis => gone.Contains(axis) ? Across : next++)]);
            case "MatMul" when Rank(0) > 1 && Rank(1) > 1:
                int[] left = Same(Rank(0)), right = Same(Rank(1));
                (left[^1], right[^2]) = (Across, Across);
                return [left, right];
            case "FusedMatMul" when Rank(0) > 1 && Rank(1) == 2 && Int(node, "transA", 0) == 0:
                var rows = Same(Rank(0));
                rows[^1] = Across;
                return [rows, Int(node, "transB", 0) == 1 ? [output - 1, Across] : [Across, output - 1]];
            case "Gemm" when Int(node, "transA", 0) == 0:
                int[] weights = Int(node, "transB", 0) == 1 ? [1, Across] : [Across, 1];
                return node.Inputs.Count > 2 ? [[0, Across], weights, Same(Rank(2))] : [[0, Across], weights];
            case "Softmax" or "LogSoftmax":
                var over = At("axis", Rank(0), -1);
                return [But(Rank(0), axis => axis == over)];
            case "LayerNormalization" or "RMSNormalization" or "SimplifiedLayerNormalization":
                var from = At("axis", Rank(0), -1);
                return First(But(Rank(0), axis => axis >= from));
            case "CumSum" when Parameter(node, 1, facts) is [var along]:
                return First(But(Rank(0), axis => axis == Positive(along, Rank(0))));
            case "TopK" or "Split":
                var parted = At("axis", Rank(0), node.OpType == "TopK" ? -1 : 0);
                return First(But(Rank(0), axis => axis == parted));
            case "Concat":
                var joined = At("axis", output, 0);
                return [.. node.Inputs.Select(_ => But(output, axis => axis == joined))];
            case "ArgMax" or "ArgMin":
                return [Reduced(Rank(0), [At("axis", Rank(0), 0)], Int(node, "keepdims", 1) == 1)];
            case var name when name.StartsWith("Reduce", StringComparison.Ordinal):
                var axes = node.Inputs.Count > 1 && node.Inputs[1].Length > 0
                    ? Parameter(node, 1, facts) : Ints(node, "axes")?.ToArray();
                return axes is null ? null : First(Reduced(
                    Rank(0), [.. axes.Select(axis => (int)Positive(axis, Rank(0)))], Int(node, "keepdims", 1) == 1));
            case "Slice":
                var sliced = node.Inputs.Count > 3 ? Parameter(node, 3, facts) : null;
                return sliced is null ? null
                    : First(But(Rank(0), axis => sliced.Any(one => Positive(one, Rank(0)) == axis)));
            case "Pad" when node.Inputs.Count < 4 && Parameter(node, 1, facts) is { } pads:
                return First(But(Rank(0), axis => pads[axis] != 0 || pads[axis + Rank(0)] != 0));
            case "Gather":
                return Gather(At("axis", Rank(0), 0), Rank(0), Rank(1));
            case "GatherElements":
                var picked = At("axis", Rank(0), 0);
                return [But(Rank(0), axis => axis == picked), [.. Enumerable.Range(0, Rank(1))]];
            case "Einsum":
                return Einsum(node);
            default:
                return null;
        }
    }

    /// <summary>Finds the axes of outputs that their sizes alone do not tell.</summary>
    public static void Follow(Node node, GraphFacts facts)
    {
        if (node.OpType == "Reshape" && facts[node.Inputs[0]].IsKnown)
        {
            Regroup(facts[node.Inputs[0]], facts[node.Outputs[0]]);
            return;
        }

        if (node.Outputs.All(name => name.Length == 0 || facts[name].IsKnown) || Map(node, facts) is not { } maps)
        {
            return;
        }

        foreach (var output in node.Outputs.Where(name => name.Length > 0).Select(name => facts[name]))
        {
            for (var input = 0; input < maps.Length; input++)
            {
                for (var axis = 0; axis < (maps[input]?.Length ?? 0); axis++)
                {
                    var source = facts[node.Inputs[input]];
                    if (maps[input]![axis] is >= 0 and var to && to < output.Rank && output.Axes[to] is null
                        && source.Shapes.Zip(output.Shapes).All(pair => pair.First[axis] == pair.Second[to]))
                    {
                        output.Axes[to] = source.Axes[axis];
                    }
                }
            }
        }
    }

    public static long Positive(long axis, int rank) => axis < 0 ? axis + rank : axis;

    public static long Int(Node node, string name, long fallback) => node.Attributes.OfType<NodeAttribute.Int>()
        .FirstOrDefault(attribute => attribute.Name == name)?.Value ?? fallback;

    public static List<long>? Ints(Node node, string name) => node.Attributes.OfType<NodeAttribute.Ints>()
        .FirstOrDefault(attribute => attribute.Name == name)?.Values.ToList();

    /// <summary>Integers that say how an operator works; null where they are absent or vary.</summary>
    public static long[]? Parameter(Node node, int input, GraphFacts facts)
        => node.Inputs.Count > input && node.Inputs[input].Length > 0
            && facts[node.Inputs[input]].Integers is { } forms && Array.TrueForAll(forms, form => form.IsFixed)
            ? Array.ConvertAll(forms, form => form.Value) : null;

    private static int[] Reduced(int rank, int[] axes, bool keeps)
    {
        var next = 0;
        return [.. Enumerable.Range(0, rank).Select(axis =>
        {
            if (!axes.Contains(axis))
            {
                return next++;
            }

            next += keeps ? 1 : 0;
            return Across;
        })];
    }

    private static int[]?[] Gather(int axis, int data, int indices) =>
    [
        [.. Enumerable.Range(0, data).Select(at => at == axis ? Across : at < axis ? at : at + indices - 1)],
        [.. Enumerable.Range(axis, indices)],
    ];

    private static int[]?[]? Einsum(Node node)
    {
        var equation = node.Attributes.OfType<NodeAttribute.Text>().First().Value;
        if (equation.Contains('.', StringComparison.Ordinal) || equation.Split("->") is not [var operands, var result])
        {
            return null;
        }

        return [.. operands.Split(',').Select(letters => letters.Select(
            letter => result.IndexOf(letter, StringComparison.Ordinal)).ToArray())];
    }

    // The factors of all axes in order are dealt out again: [batch, time, 3·h·d] → [batch, time, 3, h, d].
    private static void Regroup(ValueFacts from, ValueFacts to)
    {
        LinkedList<Factor> open = new(from.Axes.SelectMany(axis => axis!.Factors));
        for (var axis = 0; axis < to.Rank; axis++)
        {
            var wanted = to.Shapes.Select(shape => shape[axis]).ToArray();
            List<Factor> taken = [];
            while (Array.Exists(wanted, size => size != 1))
            {
                if (open.First is not { Value: var factor })
                {
                    return;
                }

                open.RemoveFirst();
                var sizes = GraphFacts.SizesOf(factor);
                if (wanted.Zip(sizes).All(pair => pair.First % pair.Second == 0))
                {
                    taken.Add(factor);
                    wanted = [.. wanted.Zip(sizes, (size, part) => size / part)];
                }
                else if (factor.Kind == FactorKind.Fixed && wanted[0] != 0
                    && Array.TrueForAll(wanted, size => size == wanted[0]) && factor.Size % wanted[0] == 0)
                {
                    open.AddFirst(Factor.Fixed(factor.Size / wanted[0]));
                    taken.Add(Factor.Fixed(wanted[0]));
                    break;
                }
                else
                {
                    return;
                }
            }

            var joined = Axis.Joined(taken);
            if (joined is { IsLonger: true, Factors.Count: > 1 })
            {
                return;
            }

            to.Axes[axis] = joined;
        }
    }
}
