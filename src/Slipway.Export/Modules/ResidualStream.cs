using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>
/// The hidden states that layers add to. The last sum is left to the norm that follows, which fuses it.
/// </summary>
internal sealed class ResidualStream(GraphValue hidden)
{
    private GraphValue _pending;

    /// <summary>The hidden states without the sum that is still to be made.</summary>
    public GraphValue Hidden { get; private set; } = hidden;

    /// <summary>Adds to the hidden states.</summary>
    public void Add(NodeScope scope, GraphValue delta)
    {
        Sum(scope);
        _pending = delta;
    }

    /// <summary>Goes on with other states, such as the norm of these.</summary>
    public void Replace(GraphValue states) => (Hidden, _pending) = (states, default);

    /// <summary>Makes the sum as a node of its own.</summary>
    public GraphValue Sum(NodeScope scope)
    {
        if (_pending != default)
        {
            (Hidden, _pending) = (scope.Add(Hidden, _pending), default);
        }

        return Hidden;
    }

    /// <summary>The root-mean-square norm of the sum.</summary>
    public GraphValue RmsNorm(NodeScope scope, GraphValue weight, float epsilon)
    {
        if (_pending == default)
        {
            return scope.SimplifiedLayerNormalization(Hidden, weight, epsilon);
        }

        var (normed, sum) =
            scope.SkipSimplifiedLayerNormalization(Hidden, _pending, weight, epsilon);
        (Hidden, _pending) = (sum, default);
        return normed;
    }
}
