using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Texts that a decoder's layers run over as a whole, and which tokens of them see which.</summary>
/// <remarks>
/// Positions are counted from the beginning of a row, padding included. Rotary positions depend on distances alone;
/// positions that are looked up are moved by padding on the left, as they are in transformers.
/// </remarks>
/// <param name="Inputs">The graph's inputs.</param>
/// <param name="IsCausal">Whether tokens see only those before them, and themselves.</param>
/// <param name="Path">The checkpoint, for messages.</param>
internal sealed record WholeTexts(EncoderInputs Inputs, bool IsCausal, string Path)
{
    /// <summary>
    /// Bias of scores, [batch, 1, sequence, sequence]: 0 for what is seen, far below every score for the rest.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="window">How far a token sees, itself included; null for all.</param>
    public GraphValue Unseen(Graph graph, int? window)
    {
        NodeScope scope = new(graph, window is null ? "/unseen" : "/unseen_in_window");
        var unseen = scope.Float(EncoderAttention.Unseen);
        var padding = scope.Where(
            scope.Equal(scope.Reshape(Inputs.Mask, 0, 1, 1, -1), scope.Int(0)), unseen, scope.Float(0));
        var distances = Inputs.Distances();
        if (window is { } size)
        {
            padding = scope.Where(scope.Greater(scope.Abs(distances), scope.Int(size - 1)), unseen, padding);
        }

        return IsCausal
            ? scope.Where(scope.Greater(distances, scope.Int(0)), unseen, padding)
            : scope.Expand(padding, scope.Shape(distances));
    }

    /// <summary>Refuses layers that are built for steps only.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public void RefuseSteps() => throw new NotSupportedException(
        $"The layers of '{Path}' carry states, latent keys or keys of other layers from step to step; over whole "
        + "texts, for embeddings and labels, only plain attention is exported. Use the checkpoint of another "
        + "architecture.");
}
