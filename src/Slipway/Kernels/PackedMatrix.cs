using Slipway.Engine;

namespace Slipway.Kernels;

/// <summary>A matrix of 4-bit codes in the order in which the kernels read it.</summary>
/// <remarks>
/// Outputs go in groups of 16. Of a group and 32 inputs, 256 bytes hold the codes: byte 4c + j of the 64-byte line q is,
/// in its low half, the code of output c and input 4q + j, and in its high half that of input 4(q + 4) + j. So a vector
/// holds four neighbouring inputs of each of 16 outputs, as the instructions that multiply bytes add them up. Scales are
/// [groups, blocks, 16], and so are zero points.
/// </remarks>
internal sealed unsafe class PackedMatrix : IDisposable
{
    public const int Group = 16;
    public const int Tile = 32;
    public const int TileBytes = Group * Tile / 2;

    private readonly NativeBuffer codes;
    private readonly NativeBuffer scales;
    private readonly NativeBuffer zeroPoints;

    /// <param name="outputs">N.</param>
    /// <param name="inputs">K, a multiple of the block size.</param>
    /// <param name="blockSize">Inputs that share a scale, a multiple of 32.</param>
    /// <param name="codes">[N, K / block, block / 2]: of each byte the low half comes first.</param>
    /// <param name="scales">[N, K / block].</param>
    /// <param name="zeroPoints">[N, K / block / 2 rounded up] packed likewise; null where all are 8.</param>
    public PackedMatrix(int outputs, int inputs, int blockSize, byte* codes, float* scales, byte* zeroPoints)
    {
        (Outputs, Inputs, BlockSize) = (outputs, inputs, blockSize);
        (Blocks, Groups) = (inputs / blockSize, (outputs + Group - 1) / Group);
        this.codes = new NativeBuffer((long)Groups * TileBytes * (inputs / Tile));
        this.scales = new NativeBuffer(4L * Groups * Blocks * Group);
        this.zeroPoints = new NativeBuffer((long)Groups * Blocks * Group);
        Parallel.For(0, Groups, group =>
        {
            for (var output = 0; output < Math.Min(Group, outputs - (group * Group)); output++)
            {
                var row = (group * Group) + output;
                PackCodes((uint*)(codes + ((long)row * inputs / 2)), group, output);
                PackBlocks(scales, zeroPoints, row, group, output);
            }
        });
    }

    public int Outputs { get; }

    public int Inputs { get; }

    public int BlockSize { get; }

    public int Blocks { get; }

    public int Groups { get; }

    /// <summary>Consecutive groups, valid as long as this.</summary>
    public PackedPart Part(int group, int groups)
        => new(Codes(group), Scales(group), ZeroPoints(group), groups, BlockSize / Tile);

    public void Dispose()
    {
        codes.Dispose();
        scales.Dispose();
        zeroPoints.Dispose();
    }

    // 32 inputs are 16 bytes; four inputs are two of them, and go to the low or high halves of four.
    private void PackCodes(uint* row, int group, int output)
    {
        var target = (uint*)Codes(group) + output;
        for (var tile = 0; tile < Inputs / Tile; tile++, row += 4, target += TileBytes / 4)
        {
            for (var q = 0; q < 4; q++)
            {
                // Inputs 4q .. 4q + 3 lie in half a word, inputs 4q + 16 .. in half of the word two further.
                var shift = 16 * (q & 1);
                var low = Spread(row[q / 2] >> shift);
                var high = Spread(row[(q / 2) + 2] >> shift);
                target[q * Group] = low | (high << 4);
            }
        }
    }

    // Four halves of bytes to four bytes.
    private static uint Spread(uint packed)
        => (packed & 0xF) | ((packed & 0xF0) << 4) | ((packed & 0xF00) << 8) | ((packed & 0xF000) << 12);

    private void PackBlocks(float* source, byte* sourceZeros, int row, int group, int output)
    {
        var zeroBytes = (Blocks + 1) / 2;
        for (var block = 0; block < Blocks; block++)
        {
            Scales(group)[(block * Group) + output] = source[((long)row * Blocks) + block];
            ZeroPoints(group)[(block * Group) + output] = sourceZeros is null
                ? (byte)8
                : (byte)((sourceZeros[((long)row * zeroBytes) + (block / 2)] >> (4 * (block & 1))) & 15);
        }
    }

    private byte* Codes(int group) => (byte*)codes.Address + ((long)group * TileBytes * (Inputs / Tile));

    private float* Scales(int group) => (float*)scales.Address + ((long)group * Blocks * Group);

    private byte* ZeroPoints(int group) => (byte*)zeroPoints.Address + ((long)group * Blocks * Group);
}

/// <summary>Consecutive groups of outputs of a <see cref="PackedMatrix"/>.</summary>
internal readonly unsafe struct PackedPart(byte* codes, float* scales, byte* zeroPoints, int groups, int tilesOfBlock)
{
    public readonly byte* Codes = codes;
    public readonly float* Scales = scales;
    public readonly byte* ZeroPoints = zeroPoints;
    public readonly int Groups = groups;

    /// <summary>Tiles of inputs that share a scale.</summary>
    public readonly int TilesOfBlock = tilesOfBlock;
}
