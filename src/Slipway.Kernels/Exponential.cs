using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels;

/// <summary>Computes exp for vectors, in a dozen instructions that stand where they are used.</summary>
/// <remarks>
/// exp(x) = 2^n * p(r) with n = round(x / ln 2), r = x − n * ln 2 and p a polynomial of degree 7.
/// Within 2 units of the last place from −87.3 to 88; zero below, exp(88) above. Source: the reduction and the
/// polynomial of Cephes' expf (Moshier, "Methods and Programs for Mathematical Functions", 1989).
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
}
