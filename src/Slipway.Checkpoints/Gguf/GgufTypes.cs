namespace Slipway.Checkpoints.Gguf;

// The tensor types by their number in the file; numbers left out were given up by the format's authors.
internal static class GgufTypes
{
    public static readonly Dictionary<uint, TensorType> ByNumber = new()
    {
        [0] = TensorType.F32,
        [1] = TensorType.F16,
        [2] = TensorType.Q4_0,
        [3] = TensorType.Q4_1,
        [6] = TensorType.Q5_0,
        [7] = TensorType.Q5_1,
        [8] = TensorType.Q8_0,
        [10] = TensorType.Q2_K,
        [11] = TensorType.Q3_K,
        [12] = TensorType.Q4_K,
        [13] = TensorType.Q5_K,
        [14] = TensorType.Q6_K,
        [16] = TensorType.IQ2_XXS,
        [17] = TensorType.IQ2_XS,
        [18] = TensorType.IQ3_XXS,
        [19] = TensorType.IQ1_S,
        [20] = TensorType.IQ4_NL,
        [21] = TensorType.IQ3_S,
        [22] = TensorType.IQ2_S,
        [23] = TensorType.IQ4_XS,
        [24] = TensorType.I8,
        [25] = TensorType.I16,
        [26] = TensorType.I32,
        [27] = TensorType.I64,
        [28] = TensorType.F64,
        [29] = TensorType.IQ1_M,
        [30] = TensorType.BF16,
        [34] = TensorType.TQ1_0,
        [35] = TensorType.TQ2_0,
        [39] = TensorType.MXFP4,
        [40] = TensorType.NVFP4,
    };
}
