namespace Slipway.Checkpoints.Decoding;

// Turns whole blocks into float32; both spans hold the same number of blocks.
internal delegate void DecodeBlocks(ReadOnlySpan<byte> source, Span<float> destination);

internal sealed record TensorDecoder(int BlockSize, int BlockBytes, DecodeBlocks Decode);
