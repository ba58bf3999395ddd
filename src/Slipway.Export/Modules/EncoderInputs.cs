using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>The inputs of an encoder graph: whole texts, padded on either side.</summary>
internal sealed record EncoderInputs
{
    private readonly NodeScope _scope;

    /// <summary>Declares the inputs.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="tokenTypes">Whether tokens have types.</param>
    public EncoderInputs(Graph graph, bool tokenTypes)
    {
        _scope = new NodeScope(graph, "/inputs");
        Ids = graph.AddInput("input_ids", ElementType.Int64, "batch", "sequence");
        Mask = graph.AddInput("attention_mask", ElementType.Int64, "batch", "sequence");
        TokenTypes = tokenTypes ? graph.AddInput("token_type_ids", ElementType.Int64, "batch", "sequence") : default;
        Seen = _scope.Cast(Mask, ElementType.Int32);
        Length = _scope.Gather(_scope.Shape(Ids), _scope.Int(1));
        Positions = _scope.Range(_scope.Int(0), Length, _scope.Int(1));
    }

    /// <summary>int64 [batch, sequence].</summary>
    public GraphValue Ids { get; }

    /// <summary>int64 [batch, sequence]: 1 for tokens, 0 for padding.</summary>
    public GraphValue Mask { get; }

    /// <summary>int64 [batch, sequence]; default where tokens have no types.</summary>
    public GraphValue TokenTypes { get; }

    /// <summary>The mask as int32.</summary>
    public GraphValue Seen { get; }

    /// <summary>Added to the scores of every layer, [1, heads, sequence, sequence]; default for nothing.</summary>
    public GraphValue Bias { get; init; }

    /// <summary>int64 scalar: the sequence's length, padding included.</summary>
    public GraphValue Length { get; }

    /// <summary>int64 [sequence]: 0, 1, 2 …</summary>
    public GraphValue Positions { get; }

    /// <summary>int64 [sequence, sequence]: the position of the column minus that of the row.</summary>
    public GraphValue Distances() => _scope.Sub(
        _scope.Reshape(Positions, 1, -1), _scope.Reshape(Positions, -1, 1));
}
