using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>The two experts with the largest scores; each weighs as its softmax among the scores near it.</summary>
/// <remarks>
/// Scores that are less than the expert's by more than twice the noise, relative to their size, take no part; nor does
/// the first expert in the second one's softmax. Source: SparseMixer, arXiv 2409.12136.
/// </remarks>
internal sealed record SparseMixer : ExpertRouter
{
    private const float Excluded = -1e30f;

    /// <summary>The noise of training, <c>router_jitter_noise</c>.</summary>
    public required float Noise { get; init; }

    public override ExpertRouting Build(ModuleScope scope, GraphValue x)
    {
        var scores = Scores(scope, x);
        var (values, indices) = scope.TopK(scores, 2);
        IReadOnlyList<GraphValue> best = scope.Split(values, -1, 1, 1), which = scope.Split(indices, -1, 1, 1);
        var zeros = scope.Mul(scores, scope.Float(0));
        var excluded = scope.Add(scope.Mul(best[0], scope.Float(0)), scope.Float(Excluded));
        var others = scope.ScatterElements(scores, which[0], excluded);
        var weights = scope.Concat(
            -1, Weight(scope, scores, scores, best[0], which[0]), Weight(scope, scores, others, best[1], which[1]));
        return new(scope.ScatterElements(zeros, indices, weights), AreWeights: true);
    }

    private GraphValue Weight(
        ModuleScope scope, GraphValue scores, GraphValue candidates, GraphValue best, GraphValue which)
    {
        var distance = scope.Div(scope.Sub(best, scores), scope.Max(scope.Abs(scores), best));
        var far = scope.Greater(distance, scope.Float(2 * Noise));
        var near = scope.Where(far, scope.Float(Excluded), candidates);
        return scope.GatherElements(scope.Softmax(near), which);
    }
}
