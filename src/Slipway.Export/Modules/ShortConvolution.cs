using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>A gated convolution over the last positions, whose past are the few inputs before.</summary>
/// <remarks>
/// <code>
/// x ─ in_proj ─┬ gate in ┬ · ─ convolution ─ · ─ out_proj
///              ├ gate out ──────────────────┘
///              └ value ──┘
/// </code>
/// Source: Liquid AI's LFM2.
/// </remarks>
internal sealed record ShortConvolution(int HiddenSize, int Kernel, bool Bias)
{
    public GraphValue Build(ModuleScope scope, GraphValue x, DecoderInputs inputs, int layer)
    {
        var convolution = scope["conv"];
        var parts = scope.Split(
            scope["in_proj"].Linear(x, HiddenSize, 3 * HiddenSize, Bias), -1, HiddenSize, HiddenSize, HiddenSize);
        var kernel = convolution.StoreVector(
            "weight", convolution.ReadNumbers("weight", HiddenSize, 1, Kernel), HiddenSize, 1, Kernel);
        var bias = Bias ? convolution.Vector("bias", HiddenSize) : default;
        var (past, present) = inputs.State(layer, "conv_state", HiddenSize, Kernel - 1);
        var mixed = convolution.CausalConvWithState(
            convolution.Transpose(scope.Mul(parts[0], parts[2]), 0, 2, 1), kernel, bias, past, present, silu: false);
        var gated = scope.Mul(parts[1], convolution.Transpose(mixed, 0, 2, 1));
        return scope["out_proj"].Linear(gated, HiddenSize, HiddenSize, Bias);
    }
}
