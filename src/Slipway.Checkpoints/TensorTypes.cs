using Slipway.Checkpoints.Decoding;

namespace Slipway.Checkpoints;

/// <summary>Tells the block size and the byte size of each <see cref="TensorType"/>.</summary>
public static class TensorTypes
{
    // One row a type: elements a block, bytes a block, and what turns whole blocks into float32.
    private static readonly Dictionary<TensorType, TensorDecoder> Rows = new()
    {
        [TensorType.F64] = new(1, 8, PlainDecoders.DecodeF64),
        [TensorType.F32] = new(1, 4, PlainDecoders.DecodeF32),
        [TensorType.F16] = new(1, 2, HalfDecoders.DecodeF16),
        [TensorType.BF16] = new(1, 2, HalfDecoders.DecodeBF16),
        [TensorType.F8_E4M3] = new(1, 1, Float8Decoders.DecodeE4M3),
        [TensorType.F8_E5M2] = new(1, 1, Float8Decoders.DecodeE5M2),
        [TensorType.I64] = new(1, 8, PlainDecoders.DecodeI64),
        [TensorType.U64] = new(1, 8, PlainDecoders.DecodeU64),
        [TensorType.I32] = new(1, 4, PlainDecoders.DecodeI32),
        [TensorType.U32] = new(1, 4, PlainDecoders.DecodeU32),
        [TensorType.I16] = new(1, 2, PlainDecoders.DecodeI16),
        [TensorType.U16] = new(1, 2, PlainDecoders.DecodeU16),
        [TensorType.I8] = new(1, 1, PlainDecoders.DecodeI8),
        [TensorType.U8] = new(1, 1, PlainDecoders.DecodeU8),
        [TensorType.BOOL] = new(1, 1, PlainDecoders.DecodeBool),
        [TensorType.Q4_0] = new(32, 18, BlockDecoders.DecodeQ4_0),
        [TensorType.Q4_1] = new(32, 20, BlockDecoders.DecodeQ4_1),
        [TensorType.Q5_0] = new(32, 22, BlockDecoders.DecodeQ5_0),
        [TensorType.Q5_1] = new(32, 24, BlockDecoders.DecodeQ5_1),
        [TensorType.Q8_0] = new(32, 34, BlockDecoders.DecodeQ8_0),
        [TensorType.Q2_K] = new(256, 84, SuperBlockDecoders.DecodeQ2_K),
        [TensorType.Q3_K] = new(256, 110, SuperBlockDecoders.DecodeQ3_K),
        [TensorType.Q4_K] = new(256, 144, SuperBlockDecoders.DecodeQ4_K),
        [TensorType.Q5_K] = new(256, 176, SuperBlockDecoders.DecodeQ5_K),
        [TensorType.Q6_K] = new(256, 210, SuperBlockDecoders.DecodeQ6_K),
        [TensorType.IQ2_XXS] = new(256, 66, CodebookDecoders.DecodeIQ2_XXS),
        [TensorType.IQ2_XS] = new(256, 74, CodebookDecoders.DecodeIQ2_XS),
        [TensorType.IQ3_XXS] = new(256, 98, CodebookDecoders.DecodeIQ3_XXS),
        [TensorType.IQ1_S] = new(256, 50, TernaryCodebookDecoders.DecodeIQ1_S),
        [TensorType.IQ4_NL] = new(32, 18, FourBitFloatDecoders.DecodeIQ4_NL),
        [TensorType.IQ3_S] = new(256, 110, CodebookDecoders.DecodeIQ3_S),
        [TensorType.IQ2_S] = new(256, 82, CodebookDecoders.DecodeIQ2_S),
        [TensorType.IQ4_XS] = new(256, 136, FourBitFloatDecoders.DecodeIQ4_XS),
        [TensorType.IQ1_M] = new(256, 56, TernaryCodebookDecoders.DecodeIQ1_M),
        [TensorType.TQ1_0] = new(256, 54, TernaryDecoders.DecodeTQ1_0),
        [TensorType.TQ2_0] = new(256, 66, TernaryDecoders.DecodeTQ2_0),
        [TensorType.MXFP4] = new(32, 17, FourBitFloatDecoders.DecodeMXFP4),
        [TensorType.NVFP4] = new(64, 36, FourBitFloatDecoders.DecodeNVFP4),
        [TensorType.F8_E8M0] = new(1, 1, Float8Decoders.DecodeE8M0),
    };

    /// <summary>Gets how many consecutive elements share one block; 1 for plain types.</summary>
    public static int BlockSize(this TensorType type) => DecoderOf(type).BlockSize;

    /// <summary>Gets how many bytes a block takes; for plain types the size of an element.</summary>
    public static int BlockBytes(this TensorType type) => DecoderOf(type).BlockBytes;

    /// <summary>Tells whether a model's weights of this type are codes, which only their scales make numbers.</summary>
    public static bool IsCode(this TensorType type) => type is TensorType.F8_E4M3 or TensorType.F8_E5M2
        or TensorType.F8_E8M0 or TensorType.U8 or TensorType.I8 or TensorType.I16 or TensorType.I32 or TensorType.U32;

    /// <summary>Turns whole blocks of stored bytes into float32.</summary>
    /// <remarks>
    /// The source holds exactly the blocks of <paramref name="destination"/>, whose length is a multiple of the block
    /// size. Pure and thread-safe. Throws <see cref="ArgumentException"/> where the lengths do not fit.
    /// </remarks>
    public static void Decode(this TensorType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        var decoder = DecoderOf(type);
        var blocks = Math.DivRem(destination.Length, decoder.BlockSize, out var rest);
        if (rest != 0 || source.Length != (long)blocks * decoder.BlockBytes)
        {
            throw new ArgumentException(
                $"{source.Length} bytes of type '{type}' do not make {destination.Length} values; a block of " +
                $"{decoder.BlockSize} takes {decoder.BlockBytes} bytes.", nameof(source));
        }

        decoder.Decode(source, destination);
    }

    private static TensorDecoder DecoderOf(TensorType type) => Rows.TryGetValue(type, out var row)
        ? row
        : throw new ArgumentOutOfRangeException(nameof(type), type, "This is no tensor type.");
}
