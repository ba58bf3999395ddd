using Slipway.Export.Configuration;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Mamba-2: a layer whose past is one matrix a head, which decays and takes in each token.</summary>
/// <remarks>
/// <code>
/// x ─ in_proj ─┬ gate ───────────────────────────────────────────┐
///              ├ convolution, SiLU ─┬ inputs · step ┬ recurrence ─┴ norm ─ out_proj
///              │                    └ write, read ──┤
///              └ step ─ softplus ───────────────────┘
/// </code>
/// Source: Transformers are SSMs (arXiv 2405.21060).
/// </remarks>
internal sealed record StateSpace
{
    public required int HiddenSize { get; init; }

    public required int Heads { get; init; }

    public required int HeadDim { get; init; }

    /// <summary>Number of vectors for writing, and for reading, that heads share.</summary>
    public required int Groups { get; init; }

    public required int StateSize { get; init; }

    /// <summary>Number of positions that the convolution sees.</summary>
    public required int Kernel { get; init; }

    /// <summary>Tells whether the layers into and out of it have biases.</summary>
    public bool Bias { get; init; }

    /// <summary>Tells whether the convolution has a bias.</summary>
    public bool KernelBias { get; init; }

    public required float Epsilon { get; init; }

    /// <summary>Factor of the output; folded into the output layer.</summary>
    public float OutputScale { get; init; } = 1;

    /// <summary>The least and the largest step; null for any.</summary>
    public (float Least, float Most)? Steps { get; init; }

    /// <summary>Reads the bounds of steps; an upper one that is no number is none.</summary>
    public static (float Least, float Most)? ReadSteps(ConfigReader config) =>
        config.Bounds("time_step_limit") is [>= 0 and var min, var max]
        && (min > 0 || double.IsFinite(max))
            ? ((float)min, (float)Math.Min(max, float.MaxValue))
            : null;

    private int Inner => Heads * HeadDim;

    private int Shared => Groups * StateSize;

    public GraphValue Build(ModuleScope scope, GraphValue x, DecoderInputs inputs, int layer)
    {
        var channels = Inner + (2 * Shared);
        var projected = scope["in_proj"].Linear(x, HiddenSize, Inner + channels + Heads, Bias);
        var parts = scope.Split(projected, -1, Inner, channels, Heads);
        var mixed = scope.Split(
            Convolve(scope["conv1d"], parts[1], channels, inputs, layer), -1, Inner, Shared, Shared);

        var step = Step(scope, parts[2]);
        float[] rates = [.. scope.ReadVector("A_log", Heads).Select(log => -MathF.Exp(log))];
        var decay = scope.Mul(step, scope.StoreVector("decay_scale", rates));
        var heads = scope.Reshape(mixed[0], 0, 0, Heads, HeadDim);
        var values = scope.Reshape(scope.Mul(heads, scope.Reshape(step, 0, 0, Heads, 1)), 0, 0, Inner);
        var (past, present) = inputs.State(layer, "recurrent_state", Heads, StateSize, HeadDim);
        var read = scope.GatedRecurrence(mixed[2], mixed[1], values, past, present, decay, Groups, Heads);
        var kept = scope.Mul(heads, scope.StoreVector("D", scope.ReadVector("D", Heads), Heads, 1));
        var sum = scope.Add(read, scope.Reshape(kept, 0, 0, Inner));
        var gated = scope.Mul(sum, scope.Mul(parts[0], scope.Sigmoid(parts[0])));
        return scope["out_proj"].Linear(
            scope["norm"].RmsNorm(gated, Inner, Epsilon), Inner, HiddenSize, Bias, OutputScale);
    }

    private GraphValue Convolve(ModuleScope scope, GraphValue x, int channels, DecoderInputs inputs, int layer)
    {
        var kernel = scope.StoreVector(
            "weight", scope.ReadNumbers("weight", channels, 1, Kernel), channels, 1, Kernel);
        var (past, present) = inputs.State(layer, "conv_state", channels, Kernel - 1);
        var mixed = scope.CausalConvWithState(
            scope.Transpose(x, 0, 2, 1), kernel, KernelBias ? scope.Vector("bias", channels) : default, past, present,
            silu: true);
        return scope.Transpose(mixed, 0, 2, 1);
    }

    private GraphValue Step(ModuleScope scope, GraphValue x)
    {
        var step = scope.Softplus(scope.Add(x, scope.Vector("dt_bias", Heads)));
        return Steps is { } range
            ? scope.Max(scope.Min(step, scope.Float(range.Most)), scope.Float(range.Least))
            : step;
    }
}
