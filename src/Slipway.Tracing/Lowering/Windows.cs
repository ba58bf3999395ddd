using static TorchSharp.torch;

namespace Slipway.Tracing.Lowering;

/// <summary>Writes out, for tracing, the windows of spectra.</summary>
internal static class Windows
{
    /// <summary>Stands for <c>hann_window</c>: ½ − ½ cos(2πn / N).</summary>
    public static Tensor Hann(long len, bool periodic, ScalarType? dtype, Device? device, bool requires_grad)
        => Hamming(len, periodic, 0.5f, 0.5f, dtype, device, requires_grad);

    /// <summary>Stands for <c>hamming_window</c>: α − β cos(2πn / N).</summary>
    public static Tensor Hamming(
        long len, bool periodic, float alpha, float beta, ScalarType? dtype, Device? device, bool requires_grad)
    {
        _ = requires_grad;
        return len == 1 ? ones(1, dtype, device)
            : (alpha - (beta * Angle(len, periodic, device).cos())).to(dtype ?? get_default_dtype());
    }

    /// <summary>Stands for <c>blackman_window</c>: 0.42 − 0.5 cos(2πn / N) + 0.08 cos(4πn / N).</summary>
    public static Tensor Blackman(long len, bool periodic, ScalarType? dtype, Device? device, bool requires_grad)
    {
        _ = requires_grad;
        if (len == 1)
        {
            return ones(1, dtype, device);
        }

        var angle = Angle(len, periodic, device);
        return (0.42 - (0.5 * angle.cos()) + (0.08 * (angle * 2).cos())).to(dtype ?? get_default_dtype());
    }

    /// <summary>Stands for <c>bartlett_window</c>: 1 − |2n / N − 1|.</summary>
    public static Tensor Bartlett(long len, bool periodic, ScalarType? dtype, Device? device, bool requires_grad)
    {
        _ = requires_grad;
        return len == 1 ? ones(1, dtype, device)
            : (1 - ((Angle(len, periodic, device) / Math.PI) - 1).abs()).to(dtype ?? get_default_dtype());
    }

    // 2πn / N
    private static Tensor Angle(long length, bool isPeriodic, Device? device)
        => arange(length, ScalarType.Float64, device) / (isPeriodic ? length : length - 1) * (2 * Math.PI);
}
