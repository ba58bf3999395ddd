using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Keys and values that several layers see.</summary>
/// <param name="Key">The new tokens' keys before they turn, [batch, sequence, key heads·head size].</param>
/// <param name="Value">The new tokens' values.</param>
/// <param name="Past">Those of earlier steps.</param>
/// <param name="Present">The names of those after the step; null where another layer keeps them.</param>
internal sealed record SharedKeys(
    GraphValue Key, GraphValue Value, (GraphValue Key, GraphValue Value) Past, (string Key, string Value)? Present);

/// <summary>
/// Causal self-attention with norms over queries, keys and values, whose keys may come from another layer.
/// </summary>
internal sealed record SharedAttention
{
    public required int HiddenSize { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int NumKeyValueHeads { get; init; }

    public required int HeadDim { get; init; }

    public required float Epsilon { get; init; }

    /// <summary>Tells whether all layers have biases.</summary>
    public bool Bias { get; init; }

    /// <summary>Number of the last positions that are seen; null for all.</summary>
    public int? Window { get; init; }

    /// <summary>Tells whether one layer makes both keys and values.</summary>
    public bool KeysAreValues { get; init; }

    /// <summary>The keys and values of a layer that has its own.</summary>
    public SharedKeys BuildKeys(ModuleScope scope, GraphValue x, DecoderInputs inputs, int layer)
    {
        var layout = HeadLayout.Rotary(HeadDim, HeadDim);
        var rows = layout.Rows(NumKeyValueHeads);
        var raw = scope["k_proj"].Linear(x, HiddenSize, NumKeyValueHeads * HeadDim, Bias, order: rows);
        var key = HeadNorms.Rms(Epsilon)(scope["k_norm"], raw, NumKeyValueHeads, layout);
        var value = KeysAreValues
            ? raw
            : scope["v_proj"].Linear(x, HiddenSize, NumKeyValueHeads * HeadDim, Bias, order: rows);
        value = HeadNorms.PlainRms(Epsilon)(scope["v_norm"], value, NumKeyValueHeads, layout);
        return new SharedKeys(
            key, value, inputs.Past(layer, NumKeyValueHeads, layout.Width),
            inputs.Present(layer, NumKeyValueHeads, layout.Width));
    }

    /// <summary>The attention of queries to given keys and values.</summary>
    public GraphValue Build(
        ModuleScope scope, GraphValue x, DecoderInputs inputs, RotaryTable rotary, SharedKeys keys)
    {
        var layout = HeadLayout.Rotary(HeadDim, HeadDim);
        var raw = scope["q_proj"].Linear(
            x, HiddenSize, NumAttentionHeads * HeadDim, Bias, order: layout.Rows(NumAttentionHeads));
        var query = HeadNorms.Rms(Epsilon)(scope["q_norm"], raw, NumAttentionHeads, layout);

        // Without a cache of its own a layer appends to a copy that nobody reads.
        var (presentKey, presentValue) =
            keys.Present ?? ($"{scope.Path}/present_key", $"{scope.Path}/present_value");
        var attended = scope.GroupQueryAttention(
            new GroupQueryAttentionInputs
            {
                Query = query,
                Key = keys.Key,
                Value = keys.Value,
                PastKey = keys.Past.Key,
                PastValue = keys.Past.Value,
                LastPositions = inputs.LastPositions,
                TotalLength = inputs.TotalLength,
                Cosines = rotary.Cosines,
                Sines = rotary.Sines,
            },
            presentKey, presentValue,
            new NodeAttribute.Int("num_heads", NumAttentionHeads),
            new NodeAttribute.Int("kv_num_heads", NumKeyValueHeads),
            new NodeAttribute.Float("scale", 1),
            new NodeAttribute.Int("do_rotary", 1),
            new NodeAttribute.Int("rotary_interleaved", 0),
            new NodeAttribute.Int("local_window_size", Window ?? -1));
        return scope["o_proj"].Linear(
            layout.Restore(scope, attended, NumAttentionHeads), NumAttentionHeads * HeadDim, HiddenSize, Bias);
    }
}
