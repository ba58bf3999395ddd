using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels;

/// <summary>Computes exp and tanh for vectors, in a dozen instructions that stand where they are used.</summary>
/// <remarks>
/// exp(x) = 2^n * p(r) with n = round(x / ln 2), r = x − n * ln 2 and p a polynomial of degree 7.
/// Within 2 units of the last place from −87.3 to 88; zero below, exp(88) above. Source: the reduction and the
/// polynomial of Cephes' expf (Moshier, "Methods and Programs for Mathematical Functions", 1989).
/// tanh(x) = 1 − 2 / (exp(2x) + 1), and x + x³ * p(x²) for |x| &lt; 0.625, within 3 units; the polynomial is that of
/// the same library's tanhf. Numbers are the same on every processor, which those of systems' libraries are not.
/// </remarks>
internal static class Exponential
{
    private const float Min = -87.3f;
    private const float Max = 88;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        // In this order what is not a number stays so.
        var bounded = Vector512.MinNative(Vector512.Create(Max), Vector512.MaxNative(Vector512.Create(Min), x));
        var power = Vector512.Round(bounded * 1.44269504f);

        // ln 2 in two parts, of which the first is exact in few digits.
        var rest = Vector512.FusedMultiplyAdd(power, Vector512.Create(-0.693359375f), bounded);
        rest = Vector512.FusedMultiplyAdd(power, Vector512.Create(2.12194440e-4f), rest);
        var sum = Vector512.FusedMultiplyAdd(
            rest, Vector512.Create(1.9875691500e-4f), Vector512.Create(1.3981999507e-3f));
        sum = Vector512.FusedMultiplyAdd(sum, rest, Vector512.Create(8.3334519073e-3f));
        sum = Vector512.FusedMultiplyAdd(sum, rest, Vector512.Create(4.1665795894e-2f));
        sum = Vector512.FusedMultiplyAdd(sum, rest, Vector512.Create(1.6666665459e-1f));
        sum = Vector512.FusedMultiplyAdd(sum, rest, Vector512.Create(5.0000001201e-1f));
        sum = Vector512.FusedMultiplyAdd(sum, rest * rest, rest + Vector512<float>.One);
        var scale = ((Vector512.ConvertToInt32Native(power) + Vector512.Create(127)) << 23).AsSingle();
        return Vector512.ConditionalSelect(
            Vector512.LessThan(x, Vector512.Create(Min)), Vector512<float>.Zero, sum * scale);
    }

    public static float Of(float x) => Of(Vector512.Create(x)).ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        var size = Vector512.Abs(x);
        var large = Vector512<float>.One
            - (Vector512.Create(2f) / (Of(size + size) + Vector512<float>.One));
        large = Vector512.CopySign(large, x);
        var square = x * x;
        var sum = Vector512.FusedMultiplyAdd(
            square, Vector512.Create(-5.70498872745e-3f), Vector512.Create(2.06390887954e-2f));
        sum = Vector512.FusedMultiplyAdd(sum, square, Vector512.Create(-5.37397155531e-2f));
        sum = Vector512.FusedMultiplyAdd(sum, square, Vector512.Create(1.33314422036e-1f));
        sum = Vector512.FusedMultiplyAdd(sum, square, Vector512.Create(-3.33332819422e-1f));
        var small = Vector512.FusedMultiplyAdd(sum * square, x, x);
        return Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(0.625f)), small, large);
    }
}
