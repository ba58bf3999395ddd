using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>The experts with the largest scores, weighted by the softmax of these scores.</summary>
internal sealed record SoftmaxRouter : ExpertRouter
{
    public override ExpertRouting Build(ModuleScope scope, GraphValue x) => new(Scores(scope, x), AreWeights: false);
}

/// <summary>The experts with the largest probabilities among all, or in the best groups only.</summary>
internal sealed record ProbabilityRouter : ExpertRouter
{
    /// <summary>
    /// Tells whether probabilities are sigmoids of their own; the softmax over all experts otherwise.
    /// </summary>
    public bool Sigmoid { get; init; }

    /// <summary>Tells whether the weights of a token's experts are divided by their sum.</summary>
    public bool Normalize { get; init; }

    /// <summary>Factor of the weights.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>The tensor that is added to probabilities for the choice only; null for none.</summary>
    public string? ChoiceBias { get; init; }

    /// <summary>Number of groups of equally many experts.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Number of groups that a token's experts come from.</summary>
    public int ChosenGroups { get; init; } = 1;

    /// <summary>Number of a group's best probabilities that add up to its own.</summary>
    public int GroupBest { get; init; } = 1;

    public override ExpertRouting Build(ModuleScope scope, GraphValue x)
    {
        var scores = Scores(scope, x);
        var probabilities = Sigmoid ? scope.Sigmoid(scores) : scope.Softmax(scores);
        var rank = ChoiceBias is null
            ? probabilities
            : scope.Add(probabilities, scope.Vector(ChoiceBias, Experts));
        var (_, indices) = scope.TopK(ChosenGroups < Groups ? Confine(scope, rank) : rank, Chosen);
        var weights = scope.GatherElements(probabilities, indices);
        if (Normalize)
        {
            weights = scope.Div(weights, scope.ReduceSum(weights, keep: true, -1));
        }

        if (Scale != 1)
        {
            weights = scope.Mul(weights, scope.Float(Scale));
        }

        return new(scope.ScatterElements(scope.Mul(scores, scope.Float(0)), indices, weights), AreWeights: true);
    }

    // Experts outside the best groups rank 0.
    private GraphValue Confine(ModuleScope scope, GraphValue rank)
    {
        var grouped = scope.Reshape(rank, -1, Groups, Experts / Groups);
        var (best, _) = scope.TopK(grouped, GroupBest);
        var groupRank = scope.ReduceSum(best, keep: false, -1);
        var (values, groups) = scope.TopK(groupRank, ChosenGroups);
        var zeros = scope.Mul(groupRank, scope.Float(0));
        var ones = scope.Add(scope.Mul(values, scope.Float(0)), scope.Float(1));
        var kept = scope.Reshape(scope.ScatterElements(zeros, groups, ones), -1, Groups, 1);
        return scope.Reshape(scope.Mul(grouped, kept), -1, Experts);
    }
}
