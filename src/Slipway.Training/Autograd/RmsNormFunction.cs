using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Slipway.Training.Autograd;

/// <summary>RMSNorm in one pass: float32 [rows, width] and weights [width] to the asked number type.</summary>
internal sealed class RmsNormFunction : autograd.SingleTensorFunction<RmsNormFunction>
{
    public override string Name => nameof(RmsNormFunction);

    public static Tensor Apply(Tensor input, Tensor weight, double epsilon, ScalarType type) =>
        apply(input, weight, epsilon, type);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (input, weight) = ((Tensor)vars[0], (Tensor)vars[1]);
        var type = (ScalarType)vars[3];
        var output = empty(input.shape, type);
        var inverse = empty(input.shape[0]);
        if (type == ScalarType.BFloat16)
        {
            Forward<BFloat16Format>(input, weight, output, inverse, (float)(double)vars[2]);
        }
        else
        {
            Forward<Float32Format>(input, weight, output, inverse, (float)(double)vars[2]);
        }

        ctx.save_for_backward([input, weight, inverse]);
        return output;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        using var gradient = grad_output.contiguous();
        var input = empty(saved[0].shape);
        var weight = gradient.dtype == ScalarType.BFloat16
            ? Backward<BFloat16Format>(saved[0], saved[1], saved[2], gradient, input)
            : Backward<Float32Format>(saved[0], saved[1], saved[2], gradient, input);
        saved.ForEach(one => one.Dispose());
        grad_output.Dispose();
        return [input, weight, null!, null!];
    }

    private static unsafe void Forward<T>(Tensor input, Tensor weight, Tensor output, Tensor inverse, float epsilon)
        where T : INumberFormat
    {
        var (rows, width) = ((int)input.shape[0], (int)input.shape[1]);
        var source = (float*)FusedRows.Pointer(input);
        var scale = (float*)FusedRows.Pointer(weight);
        var target = FusedRows.Pointer(output);
        var factors = (float*)FusedRows.Pointer(inverse);
        FusedRows.Run(rows, (_, first, last) =>
        {
            for (var row = first; row < last; row++)
            {
                var x = source + ((long)row * width);
                var sum = Vector512<float>.Zero;
                for (var lane = 0; lane < width; lane += FusedRows.Lanes)
                {
                    var value = Vector512.Load(x + lane);
                    sum += value * value;
                }

                var factor = 1f / MathF.Sqrt((Vector512.Sum(sum) / width) + epsilon);
                factors[row] = factor;
                var y = target + ((long)row * width * T.Size);
                for (var lane = 0; lane < width; lane += FusedRows.Lanes)
                {
                    T.Store(Vector512.Load(x + lane) * factor * Vector512.Load(scale + lane), y + (lane * T.Size));
                }
            }
        });
    }

    // dx = r·(g·w) − x·r³·mean(g·w·x); dw = Σ g·x·r
    private static unsafe Tensor Backward<T>(
        Tensor input, Tensor weight, Tensor inverse, Tensor gradient, Tensor inputGradient)
        where T : INumberFormat
    {
        var (rows, width) = ((int)input.shape[0], (int)input.shape[1]);
        var source = (float*)FusedRows.Pointer(input);
        var scale = (float*)FusedRows.Pointer(weight);
        var factors = (float*)FusedRows.Pointer(inverse);
        var incoming = FusedRows.Pointer(gradient);
        var outgoing = (float*)FusedRows.Pointer(inputGradient);
        using var parts = zeros(FusedRows.Parts(rows), width);
        var sums = (float*)FusedRows.Pointer(parts);
        FusedRows.Run(rows, (part, first, last) =>
        {
            var weightSum = sums + ((long)part * width);
            for (var row = first; row < last; row++)
            {
                var x = source + ((long)row * width);
                var g = incoming + ((long)row * width * T.Size);
                var factor = factors[row];
                var dot = Vector512<float>.Zero;
                for (var lane = 0; lane < width; lane += FusedRows.Lanes)
                {
                    var product = T.Load(g + (lane * T.Size)) * Vector512.Load(x + lane);
                    dot += product * Vector512.Load(scale + lane);
                    (Vector512.Load(weightSum + lane) + (product * factor)).Store(weightSum + lane);
                }

                var shared = factor * factor * factor * Vector512.Sum(dot) / width;
                var dx = outgoing + ((long)row * width);
                for (var lane = 0; lane < width; lane += FusedRows.Lanes)
                {
                    var scaled = T.Load(g + (lane * T.Size)) * Vector512.Load(scale + lane) * factor;
                    (scaled - (Vector512.Load(x + lane) * shared)).Store(dx + lane);
                }
            }
        });
        return parts.sum(dim: 0);
    }
}
