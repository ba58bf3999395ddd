using Slipway.Onnx;

namespace Slipway.Export.Quantization.Folding;

/// <summary>Finds the inputs of matrices whose channels can be scaled without changing what a graph computes.</summary>
/// <remarks>
/// <code>
/// x ─ norm · w ─────────────────┬─ W₁ x        w / s, W₁·diag(s), W₂·diag(s)
///                               └─ W₂ x
/// V x ─ GroupQueryAttention ────── W  y        diag(s)⁻¹·V, W·diag(s)
/// act(G x) · U x ───────────────── W  y        diag(s)⁻¹·U, W·diag(s)
/// </code>
/// Everything that reads the input must be such a matrix, and the constants must have no other use; otherwise the input
/// stays as it is. The activation of experts passes factors on where nothing is added to its second part and nothing is
/// clamped.
/// </remarks>
/// <param name="layers">The graph's layers.</param>
internal sealed class ScaleFolds(GraphLayers layers)
{
    /// <summary>Lists them in the order of the graph.</summary>
    public static IEnumerable<ScaleFold> Find(Graph graph)
    {
        GraphLayers layers = new(graph);
        ScaleFolds folds = new(layers);
        HashSet<string> done = new(StringComparer.Ordinal);
        foreach (var node in graph.Nodes)
        {
            if ((layers.Linear(node) is not null || node.OpType == GraphLayers.Mixture)
                && done.Add(folds.RootOf(node.Inputs[0])) && folds.OfValue(folds.RootOf(node.Inputs[0])) is { } fold)
            {
                yield return fold;
            }

            if (folds.OfExperts(node) is { } experts)
            {
                yield return experts;
            }
        }
    }

    private ScaleFold? OfValue(string root) =>
        Width(root) is { } width && layers.Matrices(root, width) is { } matrices
        && Source(root, width, isRoot: true) is { } source
            ? new ScaleFold(source.Channels, source.Count,
                [
                    .. source.Targets,
                    .. matrices.Select(matrix =>
                        new FoldTarget(matrix.Name, matrix.IsTransposed, source.Channels, Divides: false)),
                ])
            : null;

    // The second part of an expert's activation has a row each in its first matrix.
    private ScaleFold? OfExperts(Node node)
    {
        if (node.OpType != GraphLayers.Mixture || node.Inputs.Count <= GraphLayers.SecondExperts
            || !PassesFactors(node))
        {
            return null;
        }

        string first = node.Inputs[GraphLayers.FirstExperts], second = node.Inputs[GraphLayers.SecondExperts];
        var bias = node.Inputs[GraphLayers.FirstExpertsBias];
        if (!layers.IsOwn(first) || !layers.IsOwn(second) || (bias.Length > 0 && !layers.IsOwn(bias)))
        {
            return null;
        }

        var shape = layers.ShapeOf(second)!;
        var all = Identity(checked((int)(shape[0] * shape[2])));
        int[] rows = [.. all.SelectMany(index => (int[])[-1, index])];
        return new ScaleFold(all, all.Length,
        [
            new FoldTarget(first, IsRows: true, rows, Divides: true),
            .. bias.Length > 0 ? (FoldTarget[])[new FoldTarget(bias, IsRows: false, rows, Divides: true)] : [],
            new FoldTarget(second, IsRows: false, all, Divides: false),
        ]);
    }

    private static bool PassesFactors(Node experts) =>
        GraphLayers.Attribute(experts, "swiglu_fusion") == 1 && GraphLayers.Number(experts, "activation_beta") == 0
        && !experts.Attributes.Any(attribute => attribute.Name == "swiglu_limit");

    // What takes up the inverse factors of a value's channels; null where they cannot be taken up exactly.
    private SourceOfValue? Source(string value, int width, bool isRoot = false)
    {
        if ((!isRoot && (layers.IsFixed(value) || layers.Uses.Count(value) != 1))
            || layers.Uses.Maker(value) is not { } node)
        {
            return null;
        }

        if (layers.Linear(node) is { } linear)
        {
            return linear.Outputs == width && linear.IsOwn
                ? SourceOfValue.Own(new FoldTarget(linear.Name, !linear.IsTransposed, Identity(width), Divides: true))
                : null;
        }

        return node.OpType switch
        {
            "SimplifiedLayerNormalization" when node.Outputs[0] == value => Vectors(node, [1]),
            "SkipSimplifiedLayerNormalization" when node.Outputs[0] == value => Vectors(node, [2]),
            "LayerNormalization" when node.Outputs[0] == value => Vectors(node, [1, 2]),
            "SkipLayerNormalization" when node.Outputs[0] == value => Vectors(node, [2, 3]),
            "Add" => Sum(node, width),
            "Mul" => Product(node, width),
            "Relu" => Source(node.Inputs[0], width),
            "GroupQueryAttention" when node.Outputs[0] == value => Attention(node, width),
            "MultiHeadAttention" when node.Outputs.Count == 1 && node.Inputs.ElementAtOrDefault(2) is { Length: > 0 }
                => Source(node.Inputs[2], width),
            _ => null,
        };

        SourceOfValue? Vectors(Node norm, int[] places)
        {
            string[] names = [.. places.Where(place => place < norm.Inputs.Count && norm.Inputs[place].Length > 0)
                .Select(place => norm.Inputs[place])];
            return names.Length > 0 && GraphLayers.Attribute(norm, "axis", -1) == -1
                && names.All(name => layers.IsVector(name, width))
                    ? SourceOfValue.Own(
                        [.. names.Select(name => new FoldTarget(name, IsRows: false, Identity(width), Divides: true))])
                    : null;
        }
    }

    private SourceOfValue? Sum(Node node, int width)
    {
        var bias = Array.FindIndex([.. node.Inputs], input => layers.IsVector(input, width));
        return bias >= 0 && Source(node.Inputs[1 - bias], width) is { } source
            ? source.With(new FoldTarget(node.Inputs[bias], IsRows: false, source.Channels, Divides: true)) : null;
    }

    private SourceOfValue? Product(Node node, int width)
    {
        var weight = Array.FindIndex([.. node.Inputs], input => layers.IsVector(input, width));
        return weight >= 0
            ? SourceOfValue.Own(new FoldTarget(node.Inputs[weight], IsRows: false, Identity(width), Divides: true))
            : Source(node.Inputs[1], width) ?? Source(node.Inputs[0], width);
    }

    // Values pass through unaltered but for their weights, which each head has one of.
    private SourceOfValue? Attention(Node node, int width)
    {
        if (AttentionValues.Of(node, width, layers) is not { } values)
        {
            return null;
        }

        var channels = Identity(width);
        for (var channel = 0; channel < width; channel++)
        {
            channels[channel] = (channel / values.HeadSize / values.Shared * values.HeadSize)
                + (channel % values.HeadSize);
        }

        return Source(values.Input, values.First + values.Count) is { } all
            && all.Count == values.First + values.Count
                ? new SourceOfValue(channels, values.Count,
                    [.. all.Targets.Select(target => target with
                    {
                        Factors = Array.ConvertAll(
                            target.Factors, index => index < values.First ? -1 : index - values.First),
                    })])
                : null;
    }

    // Before slices of rows, and reshapes that leave channels together.
    private string RootOf(string value)
    {
        while (layers.Uses.Maker(value) is { } node && Width(value) is { } width && layers.KeepsChannels(node, width))
        {
            value = node.Inputs[0];
        }

        return value;
    }

    // The number of a value's channels, by the first matrix that reads it.
    private int? Width(string value)
    {
        foreach (var node in layers.Readers(value).Where(node => node.Inputs[0] == value))
        {
            var width = layers.Linear(node) is { } linear ? linear.Inputs
                : node.OpType == GraphLayers.Mixture ? layers.MixtureWidth(node)
                : node.OpType is "Slice" or "Reshape" or "Div" ? Width(node.Outputs[0])
                : null;
            if (width is not null)
            {
                return width;
            }
        }

        return null;
    }

    private static int[] Identity(int count) => [.. Enumerable.Range(0, count)];

    // Factors of a value's channels and the constants that take up their inverses.
    private sealed record SourceOfValue(int[] Channels, int Count, IReadOnlyList<FoldTarget> Targets)
    {
        public static SourceOfValue Own(params IReadOnlyList<FoldTarget> targets) =>
            new(Identity(targets[0].Factors.Length), targets[0].Factors.Length, targets);

        public SourceOfValue With(FoldTarget target) => this with { Targets = [.. Targets, target] };
    }
}

/// <summary>The values that attention weighs and sums, and nothing else reads.</summary>
/// <param name="Input">The graph's value that holds them, alone or behind queries and keys.</param>
/// <param name="First">The channel of that value at which they begin.</param>
/// <param name="Count">Their channels.</param>
/// <param name="HeadSize">Channels of a head.</param>
/// <param name="Shared">Query heads that share one of their heads.</param>
internal sealed record AttentionValues(string Input, int First, int Count, int HeadSize, int Shared)
{
    /// <summary>Reads a node of the operator GroupQueryAttention; null where caches of it are read elsewhere.</summary>
    /// <param name="node">The node.</param>
    /// <param name="width">Channels of its output.</param>
    /// <param name="layers">The graph's layers.</param>
    public static AttentionValues? Of(Node node, int width, GraphLayers layers)
    {
        var heads = (int)GraphLayers.Attribute(node, "num_heads");
        var valueHeads = (int)GraphLayers.Attribute(node, "kv_num_heads");
        if (heads <= 0 || valueHeads <= 0 || width % heads != 0 || heads % valueHeads != 0
            || node.Outputs.Skip(1).Any(output => output.Length > 0 && layers.Uses.Count(output) != 1))
        {
            return null;
        }

        var (size, count) = (width / heads, width / heads * valueHeads);
        return node.Inputs[2].Length > 0
            ? new AttentionValues(node.Inputs[2], 0, count, size, heads / valueHeads)
            : new AttentionValues(node.Inputs[0], width + count, count, size, heads / valueHeads);
    }
}
