using Slipway.Packaging.Kernels;

namespace Slipway.Packaging.Tests.Kernels;

/// <summary>Bounds that the exporter keeps to and the kernels insist on.</summary>
public sealed class KernelContractTests
{
    [Theory]
    [InlineData(1, 32, 32, true)]
    [InlineData(49152, 576, 32, true)]
    [InlineData(7, 512, 256, true)]
    [InlineData(7, 512, 512, false)]
    [InlineData(7, 512, 16, false)]
    [InlineData(7, 512, 0, false)]
    [InlineData(7, 500, 32, false)]
    [InlineData(0, 512, 32, false)]
    [InlineData(-7, 512, 32, false)]
    [InlineData(7, -512, 32, false)]
    [InlineData(long.MaxValue, 512, 32, false)]
    [InlineData(7, 1L << 40, 32, false)]
    public void Supports_Matrix_WithinItsBoundsOnly(long outputs, long inputs, long blockSize, bool expected)
        => Assert.Equal(expected, FusedMatMulContract.Supports(outputs, inputs, blockSize));

    [Theory]
    [InlineData(9, 3, true)]
    [InlineData(71, 1, true)]
    [InlineData(8, 3, false)]
    [InlineData(8, 0, false)]
    [InlineData(0, 1, false)]
    [InlineData(-4, -2, false)]
    [InlineData(8192, 1, false)]
    public void Supports_Heads_WithinTheirBoundsOnly(long heads, long keyValueHeads, bool expected)
        => Assert.Equal(expected, AttentionContract.Supports(heads, keyValueHeads));

    [Theory]
    [InlineData(16, true)]
    [InlineData(80, true)]
    [InlineData(512, true)]
    [InlineData(528, false)]
    [InlineData(24, false)]
    [InlineData(0, false)]
    public void SupportsHeadDim_Size_WithinItsBoundsOnly(long headDim, bool expected)
        => Assert.Equal(expected, AttentionContract.SupportsHeadDim(headDim));
}
