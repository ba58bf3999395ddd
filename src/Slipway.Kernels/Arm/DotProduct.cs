using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.Arm;

/// <summary>Multiplies by the instruction of arm64 that adds up four products of signed bytes (SDOT).</summary>
internal readonly struct DotProduct : IByteProduct
{
    public static bool IsSupported => Dp.IsSupported;

    public static Vector128<int> Add(Vector128<int> sum, Vector128<byte> values, Vector128<sbyte> x)
        => Dp.DotProduct(sum, values.AsSByte(), x);
}
