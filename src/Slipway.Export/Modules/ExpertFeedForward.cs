using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>
/// A feed-forward block of many experts, each down(swiglu(gate(x), up(x))), of which a token uses a few.
/// </summary>
/// <remarks>Source: Shazeer et al., arXiv 1701.06538; Switch Transformer, arXiv 2101.03961.</remarks>
internal sealed record ExpertFeedForward
{
    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required ExpertRouter Router { get; init; }

    /// <summary>Factor of the gate inside its sigmoid.</summary>
    public float Alpha { get; init; } = 1;

    /// <summary>Offset of the up part.</summary>
    public float Beta { get; init; }

    /// <summary>The largest gate, and the largest size of the up part; null for none.</summary>
    public float? Limit { get; init; }

    /// <summary>Builds the block.</summary>
    /// <param name="router">The layer of scores.</param>
    /// <param name="experts">Where the experts belong.</param>
    /// <param name="weights">Their weights.</param>
    /// <param name="x">[batch, sequence, hidden].</param>
    public GraphValue Build(ModuleScope router, ModuleScope experts, ExpertWeights weights, GraphValue x)
    {
        var routing = Router.Build(router, x);
        var (first, second) = experts.Build.StoreStacks(
            (experts.NameOf("gate_up_proj"), weights.GateUp), (experts.NameOf("down_proj"), weights.Down),
            Router.Experts);
        var firstBias = Bias(experts, "gate_up_proj.bias", weights.GateUpBias);
        var secondBias = Bias(experts, "down_proj.bias", weights.DownBias);
        return (first, second) switch
        {
            (FloatStack one, FloatStack two) =>
                Floats(experts, x, routing, (one.Weight, firstBias), (two.Weight, secondBias)),
            (BlockStack one, BlockStack two) => experts.QMoE(
                x, routing.Scores, routing.AreWeights ? routing.Scores : default,
                new QuantizedExperts(one.Codes, one.Scales, one.ZeroPoints, firstBias),
                new QuantizedExperts(two.Codes, two.Scales, two.ZeroPoints, secondBias),
                [
                    .. Attributes(normalize: !routing.AreWeights),
                    new NodeAttribute.Int("expert_weight_bits", one.Bits),
                    new NodeAttribute.Int("block_size", one.BlockSize),
                    new NodeAttribute.Int("accuracy_level", one.RoundsActivations ? 4 : 1),
                ]),
            _ => throw new InvalidOperationException("The two stacks of an expert are in one format."),
        };
    }

    // The operator weighs by the softmax of scores, which of the weights' logarithms is the weights over their sum.
    private GraphValue Floats(
        ModuleScope scope, GraphValue x, ExpertRouting routing, (GraphValue, GraphValue) first,
        (GraphValue, GraphValue) second)
    {
        if (!routing.AreWeights)
        {
            return scope.MoE(x, routing.Scores, first, second, Attributes(normalize: true));
        }

        var mixed = scope.MoE(x, scope.Log(routing.Scores), first, second, Attributes(normalize: true));
        var sums = scope.ReduceSum(routing.Scores, keep: true, -1);
        var rows = scope.Reshape(mixed, -1, HiddenSize);
        return scope.Reshape(scope.Mul(rows, sums), scope.Shape(x));
    }

    // Weights that a router gives are used as they are, their sum included.
    private List<NodeAttribute> Attributes(bool normalize)
    {
        List<NodeAttribute> attributes =
        [
            new NodeAttribute.Int("k", Router.Chosen),
            new NodeAttribute.Text("activation_type", "swiglu"),
            new NodeAttribute.Int("swiglu_fusion", 1),
            new NodeAttribute.Int("normalize_routing_weights", normalize ? 1 : 0),
            new NodeAttribute.Float("activation_alpha", Alpha),
            new NodeAttribute.Float("activation_beta", Beta),
        ];
        if (Limit is { } limit)
        {
            attributes.Add(new NodeAttribute.Float("swiglu_limit", limit));
        }

        return attributes;
    }

    private GraphValue Bias(ModuleScope scope, string name, float[]? values) => values is null
        ? default
        : scope.StoreVector(name, values, Router.Experts, values.Length / Router.Experts);
}

/// <summary>The weights of all experts of a layer.</summary>
/// <param name="GateUp">[experts·2·intermediate, hidden], rows of gate and up in turn.</param>
/// <param name="Down">[experts·hidden, intermediate].</param>
/// <param name="GateUpBias">As the rows; null for none.</param>
/// <param name="DownBias">As the rows; null for none.</param>
internal sealed record ExpertWeights(Weight GateUp, Weight Down, float[]? GateUpBias = null, float[]? DownBias = null)
{
    /// <summary>Experts that are modules of their own, numbered.</summary>
    public static ExpertWeights Numbered(
        ModuleScope experts, int count, int hiddenSize, int intermediateSize, string gate, string up, string down)
    {
        ModuleScope[] each = [.. Enumerable.Range(0, count).Select(index => experts[index])];
        return new(
            new StackedWeight([.. each.Select(Weight (expert) => new InterleavedWeight(
                expert[gate].Read("weight", intermediateSize, hiddenSize),
                expert[up].Read("weight", intermediateSize, hiddenSize)))]),
            new StackedWeight([.. each.Select(expert => expert[down].Read("weight", hiddenSize, intermediateSize))]));
    }

    /// <summary>
    /// Experts in two tensors, [experts, 2·intermediate, hidden] with gate before up, and [experts, hidden,
    /// intermediate].
    /// </summary>
    public static ExpertWeights Stacked(
        ModuleScope experts, int count, int hiddenSize, int intermediateSize, string gateUp, string down)
    {
        var whole = experts.ReadStack(gateUp, count, 2 * intermediateSize, hiddenSize);
        return new(
            new StackedWeight([.. Enumerable.Range(0, count).Select(Weight (index) => new InterleavedWeight(
                new RowRange(whole, 2 * index * intermediateSize, intermediateSize),
                new RowRange(whole, ((2 * index) + 1) * intermediateSize, intermediateSize)))]),
            experts.ReadStack(down, count, hiddenSize, intermediateSize));
    }

    /// <summary>Experts in whichever of these two layouts the checkpoint has them.</summary>
    public static ExpertWeights Find(ModuleScope experts, int count, int hiddenSize, int intermediateSize) =>
        experts.Has("gate_up_proj")
            ? Stacked(experts, count, hiddenSize, intermediateSize, "gate_up_proj", "down_proj")
            : Numbered(experts, count, hiddenSize, intermediateSize, "gate_proj", "up_proj", "down_proj");
}
