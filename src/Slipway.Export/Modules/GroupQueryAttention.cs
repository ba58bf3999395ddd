using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>
/// Self-attention whose query heads share key and value heads in groups, with rotary positions; causal where it runs
/// step by step.
/// </summary>
internal sealed record GroupQueryAttention
{
    public required int HiddenSize { get; init; }

    public required int NumAttentionHeads { get; init; }

    public required int NumKeyValueHeads { get; init; }

    public required int HeadDim { get; init; }

    /// <summary>The part of a head that turns with its position.</summary>
    public required int RotarySize { get; init; }

    /// <summary>Tells whether the query, key and value layers have biases.</summary>
    public bool InputBias { get; init; }

    /// <summary>Tells whether the output layer has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>The norm of queries and of keys; null where there are none.</summary>
    public HeadNorm? Norm { get; init; }

    /// <summary>Tells whether the norms come after the turning by positions.</summary>
    public bool NormAfterRotary { get; init; }

    /// <summary>Layout of the query, key and value layers in the checkpoint.</summary>
    public AttentionLayout Layout { get; init; }

    /// <summary>Tells whether the checkpoint holds layers as [inputs, outputs].</summary>
    public bool Transposed { get; init; }

    /// <summary>Names of the parts in the checkpoint.</summary>
    public AttentionNames Names { get; init; } = AttentionNames.Default;

    /// <summary>Tells whether neighbours turn together; halves otherwise.</summary>
    public bool Interleaved { get; init; }

    /// <summary>The largest size of queries, keys and values; null for any.</summary>
    public float? ClipQkv { get; init; }

    /// <summary>Factor of the output; folded into the output layer.</summary>
    public float OutputScale { get; init; } = 1;

    /// <summary>Bends scores to lie between −softcap and softcap; 0 for none.</summary>
    public float Softcap { get; init; }

    /// <summary>Factor of scores; null for 1/√(head size).</summary>
    public float? Scale { get; init; }

    /// <summary>Number of the last positions that are seen, the own one included; null for all.</summary>
    public int? Window { get; init; }

    /// <summary>
    /// Tells whether the query layer makes a gate too, after each head's query; its sigmoid multiplies the head's
    /// output.
    /// </summary>
    public bool OutputGate { get; init; }

    /// <summary>
    /// Tells whether each head has a score that takes part in its softmax without a value, <c>sinks</c>.
    /// </summary>
    public bool Sinks { get; init; }

    /// <summary>Bias of scores, [1, heads, sequence, total]; default for none.</summary>
    public GraphValue Bias { get; init; }

    /// <summary>Factor of queries at each position, [batch, sequence, 1]; default for none.</summary>
    public GraphValue QueryFactor { get; init; }

    public GraphValue Build(ModuleScope scope, GraphValue x, DecoderInputs inputs, RotaryTable? rotary, int layer)
    {
        var layout = rotary is null
            ? HeadLayout.Plain(HeadDim) : HeadLayout.Rotary(HeadDim, RotarySize, Interleaved);
        var outside = rotary is { Positions: { } } || NormAfterRotary ? rotary : null;
        var apart = Norm is not null || outside is not null || OutputGate || QueryFactor != default;
        var (query, key, value) = !apart
            ? (Clipped(scope, Packed(scope, x, layout)), default, default)
            : Parts(scope, x, layout, outside, inputs);
        rotary = outside is null ? rotary : null;
        var (pastKey, pastValue) = inputs.IsWhole ? default : inputs.Past(layer, NumKeyValueHeads, layout.Width);
        var (presentKey, presentValue) = inputs.IsWhole
            ? ("", "") : inputs.Present(layer, NumKeyValueHeads, layout.Width);
        var attended = scope.GroupQueryAttention(
            new GroupQueryAttentionInputs
            {
                Query = query,
                Key = key,
                Value = value,
                PastKey = pastKey,
                PastValue = pastValue,
                LastPositions = inputs.LastPositions,
                TotalLength = inputs.TotalLength,
                Cosines = rotary?.Cosines ?? default,
                Sines = rotary?.Sines ?? default,
                Bias = inputs.IsWhole ? inputs.HideUnseen(scope, Bias, Window) : Bias,
                Sinks = Sinks ? scope.Vector("sinks", NumAttentionHeads) : default,
            },
            presentKey, presentValue,
            Attributes(rotary is not null, inputs.IsWhole));
        attended = HeadLayout.Plain(HeadDim).Restore(scope, attended, NumAttentionHeads);
        if (OutputGate)
        {
            var gate = scope["gate"];
            attended = gate.Mul(attended, gate.Sigmoid(QueryOrGate(scope, 1).Build(gate, x)));
        }

        return scope[Names.Output].Linear(
            attended, NumAttentionHeads * HeadDim, HiddenSize, OutputBias, OutputScale, transposed: Transposed);
    }

    // Over whole texts the bias tells what is seen, the window and the order of tokens included.
    private NodeAttribute[] Attributes(bool rotates, bool whole) =>
    [
        new NodeAttribute.Int("num_heads", NumAttentionHeads),
        new NodeAttribute.Int("kv_num_heads", NumKeyValueHeads),
        new NodeAttribute.Float("scale", Scale ?? (float)(1 / Math.Sqrt(HeadDim))),
        new NodeAttribute.Int("do_rotary", rotates ? 1 : 0),
        new NodeAttribute.Int("rotary_interleaved", 0),
        new NodeAttribute.Int("local_window_size", whole ? -1 : Window ?? -1),
        new NodeAttribute.Float("softcap", Softcap),
        .. whole ? [new NodeAttribute.Int("causal", 0)] : Array.Empty<NodeAttribute>(),
    ];

    private GraphValue Packed(ModuleScope scope, GraphValue x, HeadLayout layout)
    {
        var (query, key, value) = Read(scope, layout);
        return LayerWeights.Join(query, key, value).Build(scope[Names.Packed], x);
    }

    private (GraphValue Query, GraphValue Key, GraphValue Value) Parts(
        ModuleScope scope, GraphValue x, HeadLayout layout, RotaryTable? rotary, DecoderInputs inputs)
    {
        var (query, key, value) = Read(scope, layout);
        var turned = Rotated(query, OutputGate ? "query" : Names.Query, Names.QueryNorm, NumAttentionHeads);
        return (
            QueryFactor == default ? turned : scope[Names.Query].Mul(turned, QueryFactor),
            Rotated(key, Names.Key, Names.KeyNorm, NumKeyValueHeads),
            Clipped(scope, value.Build(scope[Names.Value], x)));

        GraphValue Rotated(LayerWeights weights, string name, string norm, int heads)
        {
            var states = Clipped(scope, weights.Build(scope[name], x));
            states = NormAfterRotary ? states : Normed(norm, states, heads);
            states = rotary is null ? states : scope[name].RotaryEmbedding(
                states, rotary.Positions ?? inputs.Positions, rotary.Cosines, rotary.Sines, heads,
                RotaryOrder.Padded(RotarySize));
            return NormAfterRotary ? Normed(norm, states, heads) : states;
        }

        GraphValue Normed(string name, GraphValue states, int heads) =>
            Norm is null ? states : Norm(scope[name], states, heads, layout);
    }

    private GraphValue Clipped(ModuleScope scope, GraphValue x) =>
        ClipQkv is { } limit ? scope.Clip(x, scope.Float(-limit), scope.Float(limit)) : x;

    private (LayerWeights Query, LayerWeights Key, LayerWeights Value) Read(ModuleScope scope, HeadLayout layout)
    {
        var (query, key, value) = Layout switch
        {
            AttentionLayout.Separate => (
                OutputGate ? QueryOrGate(scope, 0) : ReadLayer(scope[Names.Query], NumAttentionHeads),
                ReadLayer(scope[Names.Key], NumKeyValueHeads), ReadLayer(scope[Names.Value], NumKeyValueHeads)),
            AttentionLayout.FusedQkv =>
                FusedQkv(ReadLayer(scope[Names.Packed], NumAttentionHeads + (2 * NumKeyValueHeads))),
            _ => InterleavedQkv(ReadLayer(scope[Names.Packed], NumAttentionHeads + (2 * NumKeyValueHeads))),
        };
        return (
            query.Choose(layout.Rows(NumAttentionHeads)), key.Choose(layout.Rows(NumKeyValueHeads)),
            value.Choose(HeadLayout.Plain(HeadDim).Rows(NumKeyValueHeads)));
    }

    private LayerWeights ReadLayer(ModuleScope layer, int heads) =>
        LayerWeights.Read(layer, heads * HeadDim, HiddenSize, InputBias, Transposed);

    private (LayerWeights Query, LayerWeights Key, LayerWeights Value) FusedQkv(LayerWeights whole)
    {
        int queries = NumAttentionHeads * HeadDim, keys = NumKeyValueHeads * HeadDim;
        return (whole.Part(0, queries), whole.Part(queries, keys), whole.Part(queries + keys, keys));
    }

    private (LayerWeights Query, LayerWeights Key, LayerWeights Value) InterleavedQkv(LayerWeights whole)
    {
        var shared = NumAttentionHeads / NumKeyValueHeads;
        return (Rows(0, shared), Rows(shared, 1), Rows(shared + 1, 1));

        LayerWeights Rows(int first, int count) => whole.Choose(
            [.. Enumerable.Range(0, NumKeyValueHeads).SelectMany(group =>
                Enumerable.Range(((group * (shared + 2)) + first) * HeadDim, count * HeadDim))]);
    }

    // One of two parts of each head's rows in the query layer: the query, then the gate.
    private LayerWeights QueryOrGate(ModuleScope scope, int part) =>
        ReadLayer(scope[Names.Query], 2 * NumAttentionHeads).Choose(
            [.. Enumerable.Range(0, NumAttentionHeads)
                .SelectMany(head => Enumerable.Range(((2 * head) + part) * HeadDim, HeadDim))]);
}

/// <summary>Names that a checkpoint gives to the parts of attention.</summary>
internal sealed record AttentionNames
{
    public static AttentionNames Default { get; } = new();

    public string Query { get; init; } = "q_proj";

    public string Key { get; init; } = "k_proj";

    public string Value { get; init; } = "v_proj";

    /// <summary>The layer of all three.</summary>
    public string Packed { get; init; } = "qkv_proj";

    public string Output { get; init; } = "o_proj";

    public string QueryNorm { get; init; } = "q_norm";

    public string KeyNorm { get; init; } = "k_norm";
}

/// <summary>Layout of the query, key and value layers in a checkpoint.</summary>
internal enum AttentionLayout
{
    /// <summary>Each by itself.</summary>
    Separate,

    /// <summary>In one layer: all queries, all keys, all values.</summary>
    FusedQkv,

    /// <summary>In one layer, for each key head: its queries, its key, its value.</summary>
    InterleavedQkv,
}
