using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Slipway.Training.Autograd;

/// <summary><c>silu(gate) · up</c> in one pass: [rows, 2 × width], gate first, to [rows, width].</summary>
internal sealed class SwiGluFunction : autograd.SingleTensorFunction<SwiGluFunction>
{
    public override string Name => nameof(SwiGluFunction);

    public static Tensor Apply(Tensor joined) => apply(joined);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var joined = (Tensor)vars[0];
        var output = empty([joined.shape[0], joined.shape[1] / 2], joined.dtype);
        if (joined.dtype == ScalarType.BFloat16)
        {
            Forward<BFloat16Format>(joined, output);
        }
        else
        {
            Forward<Float32Format>(joined, output);
        }

        ctx.save_for_backward([joined]);
        return output;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        using var gradient = grad_output.contiguous();
        var joined = empty(saved[0].shape, saved[0].dtype);
        if (joined.dtype == ScalarType.BFloat16)
        {
            Backward<BFloat16Format>(saved[0], gradient, joined);
        }
        else
        {
            Backward<Float32Format>(saved[0], gradient, joined);
        }

        saved.ForEach(one => one.Dispose());
        grad_output.Dispose();
        return [joined];
    }

    private static unsafe void Forward<T>(Tensor joined, Tensor output)
        where T : INumberFormat
    {
        var (rows, width) = ((int)output.shape[0], (int)output.shape[1]);
        var source = FusedRows.Pointer(joined);
        var target = FusedRows.Pointer(output);
        FusedRows.Run(rows, (_, first, last) =>
        {
            for (var row = first; row < last; row++)
            {
                var gate = source + ((long)row * 2 * width * T.Size);
                var up = gate + ((long)width * T.Size);
                var mixed = target + ((long)row * width * T.Size);
                for (var at = 0; at < width * T.Size; at += FusedRows.Lanes * T.Size)
                {
                    var value = T.Load(gate + at);
                    T.Store(value * Sigmoid(value) * T.Load(up + at), mixed + at);
                }
            }
        });
    }

    // d gate = g·u·s·(1 + x·(1 − s)), d up = g·x·s, where s = sigmoid(x)
    private static unsafe void Backward<T>(Tensor joined, Tensor gradient, Tensor joinedGradient)
        where T : INumberFormat
    {
        var (rows, width) = ((int)gradient.shape[0], (int)gradient.shape[1]);
        var source = FusedRows.Pointer(joined);
        var incoming = FusedRows.Pointer(gradient);
        var outgoing = FusedRows.Pointer(joinedGradient);
        FusedRows.Run(rows, (_, first, last) =>
        {
            for (var row = first; row < last; row++)
            {
                var gate = source + ((long)row * 2 * width * T.Size);
                var up = gate + ((long)width * T.Size);
                var g = incoming + ((long)row * width * T.Size);
                var gateGradient = outgoing + ((long)row * 2 * width * T.Size);
                var upGradient = gateGradient + ((long)width * T.Size);
                for (var at = 0; at < width * T.Size; at += FusedRows.Lanes * T.Size)
                {
                    var (value, factor) = (T.Load(gate + at), T.Load(g + at));
                    var sigmoid = Sigmoid(value);
                    var slope = sigmoid * (Vector512<float>.One + (value * (Vector512<float>.One - sigmoid)));
                    T.Store(factor * T.Load(up + at) * slope, gateGradient + at);
                    T.Store(factor * value * sigmoid, upGradient + at);
                }
            }
        });
    }

    private static Vector512<float> Sigmoid(Vector512<float> value) =>
        Vector512<float>.One / (Vector512<float>.One + Vector512.Exp(-value));
}
