using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Gated DeltaNet: attention whose past is one matrix a head, which each token decays and corrects.</summary>
/// <remarks>
/// <code>
/// x ─ qkv ─ convolution, SiLU ─┬ query, key ─ length 1 ┬ delta rule ─ norm · SiLU(z) ─ out_proj
///                              └ value ────────────────┤                       │
/// x ─ b, a ─ gate ─ decay, beta ───────────────────────┘                       │
/// x ─ z ──────────────────────────────────────────────────────────────────────┘
/// </code>
/// Source: Gated Delta Networks (arXiv 2412.06464).
/// </remarks>
internal sealed record LinearAttention
{
    private const float LengthEpsilon = 1e-6f;

    public required int HiddenSize { get; init; }

    public required int KeyHeads { get; init; }

    public required int ValueHeads { get; init; }

    public required int KeySize { get; init; }

    public required int ValueSize { get; init; }

    /// <summary>Number of positions that the convolution sees.</summary>
    public required int Kernel { get; init; }

    public required float Epsilon { get; init; }

    /// <summary>Tells whether the checkpoint has what belongs to a key head together, in <c>in_proj_qkvz</c>.</summary>
    public bool StoredByHead { get; init; }

    private int Keys => KeyHeads * KeySize;

    private int Values => ValueHeads * ValueSize;

    private int Channels => (2 * Keys) + Values;

    public GraphValue Build(ModuleScope scope, GraphValue x, DecoderInputs inputs, int layer)
    {
        var convolution = scope["conv1d"];
        var kernel = convolution.StoreVector(
            "weight", convolution.ReadNumbers("weight", Channels, 1, Kernel), Channels, 1, Kernel);
        var (pastInputs, presentInputs) = inputs.State(layer, "conv_state", Channels, Kernel - 1);
        var mixed = convolution.CausalConvWithState(
            convolution.Transpose(Projection(scope, "in_proj_qkv", x), 0, 2, 1), kernel, default, pastInputs,
            presentInputs, silu: true);
        var parts = scope.Split(scope.Transpose(mixed, 0, 2, 1), -1, Keys, Keys, Values);

        float[] rates = [.. scope.ReadVector("A_log", ValueHeads).Select(log => -MathF.Exp(log))];
        var (decay, beta) = scope.LinearAttentionGate(
            Projection(scope, "in_proj_a", x), scope.Vector("dt_bias", ValueHeads),
            scope.StoreVector("decay_scale", rates), Projection(scope, "in_proj_b", x));
        var (past, present) = inputs.State(layer, "recurrent_state", ValueHeads, KeySize, ValueSize);
        var lengths = scope.StoreVector(
            "unit_scale", [.. Enumerable.Repeat((float)(1 / Math.Sqrt(KeySize)), KeySize)]);
        var attended = scope.GatedDeltaRule(
            Unit(scope, parts[0], lengths), Unit(scope, parts[1], lengths), parts[2], past, present, decay, beta,
            KeyHeads, ValueHeads);
        var norm = scope["norm"];
        var gated = norm.GatedRMSNorm(
            attended, norm.Vector("weight", ValueSize), Projection(scope, "in_proj_z", x), Epsilon);
        return scope["out_proj"].Linear(gated, Values, HiddenSize);
    }

    // x / √(Σx² + epsilon), as a norm over the mean of squares.
    private GraphValue Unit(ModuleScope scope, GraphValue x, GraphValue scale)
    {
        var heads = scope.Reshape(x, 0, 0, KeyHeads, KeySize);
        return scope.Reshape(
            scope.SimplifiedLayerNormalization(heads, scale, LengthEpsilon / KeySize), 0, 0, Keys);
    }

    // What decides how much is kept and corrected is small, and is never quantized.
    private GraphValue Projection(ModuleScope scope, string name, GraphValue x)
    {
        var layer = scope[name];
        var rate = name is "in_proj_a" or "in_proj_b";
        var weight = StoredByHead ? ByHead(scope, name) : layer.Read(
            "weight", rate ? ValueHeads : name == "in_proj_z" ? Values : Channels, HiddenSize);
        var stored = rate
            ? layer.Build.StoreExact(layer.NameOf("weight"), () => weight)
            : layer.Store("weight", weight);
        return stored.Multiply(layer, x, default);
    }

    // Of each key head: query, key, its values, their gates; and b before a.
    private PermutedWeight ByHead(ModuleScope scope, string name)
    {
        int group = ValueHeads / KeyHeads, values = group * ValueSize, all = (2 * KeySize) + (2 * values);
        var order = name switch
        {
            "in_proj_qkv" =>
            [
                .. Rows(all, 0, KeySize), .. Rows(all, KeySize, KeySize), .. Rows(all, 2 * KeySize, values),
            ],
            "in_proj_z" => Rows(all, (2 * KeySize) + values, values),
            "in_proj_b" => Rows(2 * group, 0, group),
            _ => Rows(2 * group, group, group),
        };
        return new PermutedWeight(
            name is "in_proj_a" or "in_proj_b"
                ? scope["in_proj_ba"].Read("weight", 2 * ValueHeads, HiddenSize)
                : scope["in_proj_qkvz"].Read("weight", Channels + Values, HiddenSize),
            order);
    }

    private int[] Rows(int stride, int start, int count) =>
    [
        .. Enumerable.Range(0, KeyHeads).SelectMany(head => Enumerable.Range((head * stride) + start, count)),
    ];
}
