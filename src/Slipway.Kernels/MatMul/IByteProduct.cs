using System.Runtime.Intrinsics;

namespace Slipway.Kernels.MatMul;

/// <summary>Multiplies four neighbouring inputs of four outputs.</summary>
internal interface IByteProduct
{
    /// <summary>Adds up the products of each output.</summary>
    /// <param name="sum">Receives; one number an output.</param>
    /// <param name="values">Four values of 4 bits an output.</param>
    /// <param name="x">The same four numbers for each output.</param>
    static abstract Vector128<int> Add(Vector128<int> sum, Vector128<byte> values, Vector128<sbyte> x);
}

/// <summary>Multiplies by what every processor with vectors has.</summary>
internal readonly struct PortableProduct : IByteProduct
{
    // Two products of 15 · 127 fit 16 bits.
    public static Vector128<int> Add(Vector128<int> sum, Vector128<byte> values, Vector128<sbyte> x)
    {
        var (pairs, numbers) = (values.AsInt16(), x.AsInt16());
        var products = ((pairs & Vector128.Create((short)15)) * ((numbers << 8) >> 8))
            + ((pairs >>> 8) * (numbers >> 8));
        return sum + ((products.AsInt32() << 16) >> 16) + (products.AsInt32() >> 16);
    }
}
