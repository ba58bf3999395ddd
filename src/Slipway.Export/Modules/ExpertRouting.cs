using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Which experts tokens go to, and what these count for.</summary>
/// <param name="Scores">
/// [tokens, experts]: the largest are chosen and weighted by their softmax; or the weights themselves, 0 for experts
/// that are not chosen.
/// </param>
/// <param name="AreWeights">Whether the scores are weights.</param>
internal readonly record struct ExpertRouting(GraphValue Scores, bool AreWeights);

/// <summary>Computes which experts tokens go to.</summary>
internal abstract record ExpertRouter
{
    public required int HiddenSize { get; init; }

    /// <summary>Number of experts.</summary>
    public required int Experts { get; init; }

    /// <summary>Number of experts that a token goes to.</summary>
    public required int Chosen { get; init; }

    /// <summary>Tells whether the layer of scores has a bias.</summary>
    public bool Bias { get; init; }

    /// <summary>Builds the router.</summary>
    /// <param name="scope">The layer of scores.</param>
    /// <param name="x">[batch, sequence, hidden].</param>
    public abstract ExpertRouting Build(ModuleScope scope, GraphValue x);

    /// <summary>
    /// The scores, [tokens, experts]. They are never quantized: a wrong choice costs more than the bytes.
    /// </summary>
    protected GraphValue Scores(ModuleScope scope, GraphValue x)
    {
        var bias = Bias ? scope.Vector("bias", Experts) : default;
        var scores = scope.ExactMatrix("weight", Experts, HiddenSize).Multiply(scope, x, bias);
        return scope.Reshape(scores, -1, Experts);
    }
}
