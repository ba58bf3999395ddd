namespace Slipway.Checkpoints.Quantized;

// Codes in 32-bit numbers, the first one lowest. A code runs on into the next number where its bits do not divide 32,
// but for layouts that leave the rest of each number empty.
internal readonly record struct PackedCodes(int Bits, bool LeavesGaps = false)
{
    private int PerNumber => 32 / Bits;

    // Numbers that hold so many codes.
    public long Numbers(long codes) => LeavesGaps
        ? (codes + PerNumber - 1) / PerNumber : ((codes * Bits) + 31) / 32;

    // The number in which a code begins.
    public long NumberOf(long code) => LeavesGaps ? code / PerNumber : code * Bits / 32;

    // The code at a place, of numbers that begin with the one of this index; `stride` apart.
    public byte Read(ReadOnlySpan<uint> numbers, long firstNumber, long code, int stride = 1)
    {
        var at = (int)(NumberOf(code) - firstNumber) * stride;
        var shift = (int)(LeavesGaps ? code % PerNumber * Bits : code * Bits % 32);
        var value = numbers[at] >> shift;
        if (shift + Bits > 32)
        {
            value |= numbers[at + stride] << (32 - shift);
        }

        return (byte)(value & ((1u << Bits) - 1));
    }

    // All codes from the beginning of a number on, of numbers that lie `stride` apart.
    public void Read(ReadOnlySpan<uint> numbers, int stride, Span<byte> codes)
    {
        var (mask, whole) = ((1u << Bits) - 1, LeavesGaps ? PerNumber * Bits : 32);
        var (held, count, at) = (0ul, 0, 0);
        foreach (ref var code in codes)
        {
            if (count < Bits)
            {
                held |= (ulong)numbers[at] << count;
                count += whole;
                at += stride;
            }

            code = (byte)(held & mask);
            held >>= Bits;
            count -= Bits;

            // What a number leaves empty is not the next one's.
            held = LeavesGaps && count == 0 ? 0 : held;
        }
    }
}
