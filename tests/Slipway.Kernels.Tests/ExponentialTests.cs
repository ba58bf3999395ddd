using System.Runtime.Intrinsics;

namespace Slipway.Kernels.Tests;

public sealed class ExponentialTests
{
    [Fact]
    public void Of_AnyNumber_IsWithinTwoUnitsOfTheLastPlace()
        => Compare(Exponential.Of, Math.Exp, -87, 88, 2);

    [Fact]
    public void Tanh_AnyNumber_IsWithinThreeUnitsOfTheLastPlace()
        => Compare(Exponential.Tanh, Math.Tanh, -12, 12, 3);

    [Theory]
    [InlineData(float.PositiveInfinity, 1)]
    [InlineData(float.NegativeInfinity, -1)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(1e-30f, 1e-30f)]
    [InlineData(-1e4f, -1)]
    public void Tanh_Extremes_AreTheLimits(float x, float expected)
        => Assert.Equal(expected, Exponential.Tanh(Vector512.Create(x)).ToScalar());

    [Theory]
    [InlineData(float.NegativeInfinity, 0)]
    [InlineData(-200, 0)]
    [InlineData(0, 1)]
    public void Of_SmallAndZero_AreExact(float x, float expected) => Assert.Equal(expected, Exponential.Of(x));

    private static void Compare(
        Func<Vector512<float>, Vector512<float>> given, Func<double, double> expected, float from, float to, int units)
    {
        const int steps = 100_000;
        for (var i = 0; i < steps; i++)
        {
            var x = from + ((to - from) * i / steps);
            var value = (float)expected(x);
            var unit = MathF.BitIncrement(MathF.Abs(value)) - MathF.Abs(value);
            Assert.InRange(given(Vector512.Create(x)).ToScalar() - (double)value, -units * unit, units * unit);
        }
    }
}
