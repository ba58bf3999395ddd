using Slipway.Export.Modules.Rotary;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Causal self-attention whose keys and values are all made from one small latent vector.</summary>
/// <remarks>
/// The matrices that make keys and values stand on the query's and the output's side instead, so that the cache holds
/// one head: the part that turns, then the latent vector; and it is its own value, of which the turning part is cut
/// off.
/// <code>
/// x ─ q ─┬ turning ────────────┬ query ┐
///        └ plain · key weights ┘       ├ attention ─ latent part · value weights ─ o_proj
/// x ─ kv ─┬ turning ─┬ key = value ────┘
///         └ norm ────┘
/// </code>
/// Source: DeepSeek-V2 (arXiv 2405.04434), section 2.1 and appendix C.
/// </remarks>
internal sealed record LatentAttention
{
    // The norms of latent vectors have this one whatever the model's others have.
    private const float Epsilon = 1e-6f;

    public required int HiddenSize { get; init; }

    public required int NumAttentionHeads { get; init; }

    /// <summary>The latent vector's size of queries; null where queries are made directly.</summary>
    public int? QueryRank { get; init; }

    /// <summary>The latent vector's size of keys and values.</summary>
    public required int LatentSize { get; init; }

    /// <summary>The part of a query that turns with its position.</summary>
    public required int RotarySize { get; init; }

    /// <summary>The part of a query that does not turn.</summary>
    public required int PlainSize { get; init; }

    public required int ValueSize { get; init; }

    /// <summary>Factor of scores.</summary>
    public required float Scale { get; init; }

    /// <summary>Tells whether layers on the hidden states have biases.</summary>
    public bool Bias { get; init; }

    /// <summary>Tells whether neighbours turn together; halves otherwise.</summary>
    public bool Interleaved { get; init; } = true;

    // The operator turns a multiple of 16 elements, and heads are such a multiple too; zeros stand in between.
    private int RotaryWidth => HeadLayout.Widened(RotarySize);

    private int CacheSize => HeadLayout.Widened(RotaryWidth + LatentSize);

    private int Padding => CacheSize - RotaryWidth - LatentSize;

    public GraphValue Build(ModuleScope scope, GraphValue x, DecoderInputs inputs, RotaryTable rotary, int layer)
    {
        var key = Key(scope, x);
        var (pastKey, pastValue) = inputs.Past(layer, 1, CacheSize);
        var (presentKey, presentValue) = inputs.Present(layer, 1, CacheSize);
        var perHead = scope["kv_b_proj"];
        var (keys, values) = StoreSplit(perHead);
        var attended = scope.GroupQueryAttention(
            new GroupQueryAttentionInputs
            {
                Query = Query(scope, x, keys),
                Key = key,
                Value = key,
                PastKey = pastKey,
                PastValue = pastValue,
                LastPositions = inputs.LastPositions,
                TotalLength = inputs.TotalLength,
                Cosines = rotary.Cosines,
                Sines = rotary.Sines,
            },
            presentKey, presentValue,
            new NodeAttribute.Int("num_heads", NumAttentionHeads),
            new NodeAttribute.Int("kv_num_heads", 1),
            new NodeAttribute.Float("scale", Scale),
            new NodeAttribute.Int("do_rotary", 1),
            new NodeAttribute.Int("rotary_interleaved", 1));

        // [batch, sequence, heads·cache] → [batch, heads, sequence, latent] → [batch, heads, sequence, value]
        var split = perHead.Transpose(perHead.Reshape(attended, 0, 0, NumAttentionHeads, CacheSize), 0, 2, 1, 3);
        var latent = perHead.Split(
            split, -1, Padding == 0 ? [RotaryWidth, LatentSize] : [RotaryWidth, LatentSize, Padding])[1];
        var mixed = perHead.Transpose(perHead.LinearMatMul(latent, values), 0, 2, 1, 3);
        return scope["o_proj"].Linear(
            scope.Reshape(mixed, 0, 0, NumAttentionHeads * ValueSize), NumAttentionHeads * ValueSize, HiddenSize, Bias);
    }

    private GraphValue Query(ModuleScope scope, GraphValue x, GraphValue keys)
    {
        var size = PlainSize + RotarySize;
        var query = QueryRank is { } rank
            ? Rotated(scope["q_b_proj"], Normed(scope, "q_a", x, rank), rank, NumAttentionHeads, size, bias: false)
            : Rotated(scope["q_proj"], x, HiddenSize, NumAttentionHeads, size, bias: false);
        var heads = scope.Transpose(
            scope.Reshape(query, 0, 0, NumAttentionHeads, PlainSize + RotaryWidth), 0, 2, 1, 3);
        var parts = scope.Split(heads, -1, PlainSize, RotaryWidth);
        var latent = Padded(scope, scope.MatMul(parts[0], keys), 4);
        var joined = scope.Transpose(scope.Concat(-1, parts[1], latent), 0, 2, 1, 3);
        return scope.Reshape(joined, 0, 0, NumAttentionHeads * CacheSize);
    }

    // A layer whose heads end with the turning part; neighbours turn together afterwards.
    private GraphValue Rotated(ModuleScope layer, GraphValue x, int inputs, int heads, int size, bool bias) =>
        layer.Linear(x, inputs, heads * size, bias, order: Order(heads, size));

    // Zeros behind the latent vector.
    private GraphValue Padded(ModuleScope scope, GraphValue x, int rank) =>
        Padding == 0 ? x : scope.Pad(x, [.. new long[(2 * rank) - 1], Padding]);

    private GraphValue Normed(ModuleScope scope, string name, GraphValue x, int rank) =>
        scope[$"{name}_layernorm"].RmsNorm(scope[$"{name}_proj"].Linear(x, HiddenSize, rank, Bias), rank, Epsilon);

    private GraphValue Key(ModuleScope scope, GraphValue x)
    {
        var layer = scope["kv_a_proj_with_mqa"];
        var size = LatentSize + RotarySize;
        var joined = Rotated(layer, x, HiddenSize, 1, size, Bias);
        var parts = scope.Split(joined, -1, LatentSize, RotaryWidth);
        var latent = scope["kv_a_layernorm"].RmsNorm(parts[0], LatentSize, Epsilon);
        return scope.Concat(-1, parts[1], Padded(layer, latent, 3));
    }

    // Of each head's rows the first make plain keys, the others values.
    private (GraphValue Keys, GraphValue Values) StoreSplit(ModuleScope layer)
    {
        var size = PlainSize + ValueSize;
        var whole = layer.Read("weight", NumAttentionHeads * size, LatentSize);
        return (
            layer.Build.StoreFloats(layer.NameOf("key_weight"), Part(0, PlainSize), NumAttentionHeads),
            layer.Build.StoreFloats(layer.NameOf("value_weight"), Part(PlainSize, ValueSize), NumAttentionHeads));

        StackedWeight Part(int start, int rows) => new(
            [.. Enumerable.Range(0, NumAttentionHeads)
            .Select(Weight (head) => new RowRange(whole, (head * size) + start, rows))]);
    }

    // The turning part stands last in a head, zeros behind it; its halves become neighbours.
    private int[]? Order(int heads, int size)
    {
        var plain = size - RotarySize;
        return Interleaved && RotaryWidth == RotarySize ? null :
        [
            .. Enumerable.Range(0, heads).SelectMany(head => Enumerable.Range(0, plain + RotaryWidth).Select(place =>
            {
                var turning = place - plain;
                return turning >= RotarySize ? HeadLayout.None
                    : (head * size) + (turning < 0 || Interleaved
                        ? place
                        : plain + (turning / 2) + (turning % 2 * (RotarySize / 2)));
            })),
        ];
    }
}
