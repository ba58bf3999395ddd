using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Slipway.Training.Autograd;

/// <summary>
/// Turns the first heads of [tokens, heads, head_dim] by their positions in one pass, and copies the rest.
/// Cosines and sines are float32 [positions, head_dim / 2]; positions int64 [tokens].
/// </summary>
internal sealed class RotaryFunction : autograd.SingleTensorFunction<RotaryFunction>
{
    public override string Name => nameof(RotaryFunction);

    public static Tensor Apply(Tensor heads, int turned, Tensor cosines, Tensor sines, Tensor positions) =>
        apply(heads, turned, cosines, sines, positions);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (heads, turned) = ((Tensor)vars[0], (int)vars[1]);
        var (cosines, sines, positions) = ((Tensor)vars[2], (Tensor)vars[3], (Tensor)vars[4]);
        ctx.save_for_backward([cosines, sines, positions]);
        ctx.save_data("turned", turned);
        return ApplyRotary(heads, turned, cosines, sines, positions, 1);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        using var gradient = grad_output.contiguous();
        var result = ApplyRotary(gradient, (int)ctx.get_data("turned"), saved[0], saved[1], saved[2], -1);
        saved.ForEach(one => one.Dispose());
        grad_output.Dispose();
        return [result, null!, null!, null!, null!];
    }

    private static Tensor ApplyRotary(
        Tensor heads, int turned, Tensor cosines, Tensor sines, Tensor positions, float sign)
    {
        var output = empty(heads.shape, heads.dtype);
        if (heads.dtype == ScalarType.BFloat16)
        {
            ApplyRotary<BFloat16Format>(heads, output, turned, cosines, sines, positions, sign);
        }
        else
        {
            ApplyRotary<Float32Format>(heads, output, turned, cosines, sines, positions, sign);
        }

        return output;
    }

    private static unsafe void ApplyRotary<T>(
        Tensor heads, Tensor output, int turned, Tensor cosines, Tensor sines, Tensor positions, float sign)
        where T : INumberFormat
    {
        var (tokens, count, width) = ((int)heads.shape[0], (int)heads.shape[1], (int)heads.shape[2]);
        var half = width / 2;
        var source = FusedRows.Pointer(heads);
        var target = FusedRows.Pointer(output);
        var at = (long*)FusedRows.Pointer(positions);
        var cosineTable = (float*)FusedRows.Pointer(cosines);
        var sineTable = (float*)FusedRows.Pointer(sines);
        var (rowBytes, headBytes) = ((long)count * width * T.Size, (long)width * T.Size);
        FusedRows.Run(tokens, (_, first, last) =>
        {
            for (var token = first; token < last; token++)
            {
                var cosine = cosineTable + (at[token] * half);
                var sine = sineTable + (at[token] * half);
                var from = source + (token * rowBytes);
                var to = target + (token * rowBytes);
                for (var head = 0; head < turned; head++, from += headBytes, to += headBytes)
                {
                    for (var lane = 0; lane < half; lane += FusedRows.Lanes)
                    {
                        var (left, right) = (lane * T.Size, (lane + half) * T.Size);
                        var (x, y) = (T.Load(from + left), T.Load(from + right));
                        var (c, s) = (Vector512.Load(cosine + lane), Vector512.Load(sine + lane) * sign);
                        T.Store((x * c) - (y * s), to + left);
                        T.Store((y * c) + (x * s), to + right);
                    }
                }

                Buffer.MemoryCopy(from, to, (count - turned) * headBytes, (count - turned) * headBytes);
            }
        });
    }
}
