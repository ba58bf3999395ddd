using Slipway.Kernels.Memory;

namespace Slipway.Kernels.MatMul;

/// <summary>Holds a matrix of 4-bit values in the order in which the kernels read it.</summary>
/// <remarks>
/// A tile is 16 outputs by 32 inputs in four lines of 64 bytes, so that a vector holds four neighbouring inputs of each
/// output, as the instructions that multiply bytes add them up:
/// <code>
///           output 0                        output 1          …  output 15
/// line q:   │ 4q │ 4q+1 │ 4q+2 │ 4q+3 │   │ 4q │ 4q+1 │ …            low halves of the bytes: inputs 4q …
///           │4q+16│4q+17│4q+18 │4q+19 │   │4q+16│ …                  high halves: inputs 4q + 16 …
/// </code>
/// Tiles are [groups of outputs, K / 32]; scales are [groups, blocks, 16], and so are zero points.
/// </remarks>
internal sealed unsafe class PackedMatrix : IDisposable
{
    public const int Group = 16;
    public const int Tile = 32;
    public const int TileBytes = Group * Tile / 2;

    private readonly NativeBuffer _values;
    private readonly NativeBuffer _scales;
    private readonly NativeBuffer _zeroPoints;

    /// <param name="outputs">N.</param>
    /// <param name="inputs">K, a multiple of the block size.</param>
    /// <param name="blockSize">Inputs that share a scale, a multiple of 32.</param>
    /// <param name="values">[N, K / block, block / 2]: of each byte the low half comes first.</param>
    /// <param name="scales">[N, K / block].</param>
    /// <param name="zeroPoints">[N, K / block / 2 rounded up] packed likewise; null where all are 8.</param>
    public PackedMatrix(int outputs, int inputs, int blockSize, byte* values, float* scales, byte* zeroPoints)
    {
        (Outputs, Inputs, BlockSize) = (outputs, inputs, blockSize);
        (Blocks, Groups) = (inputs / blockSize, (outputs + Group - 1) / Group);
        _values = new NativeBuffer((long)Groups * TileBytes * (inputs / Tile));
        _scales = new NativeBuffer(4L * Groups * Blocks * Group);
        _zeroPoints = new NativeBuffer((long)Groups * Blocks * Group);
        Parallel.For(0, Groups, group =>
        {
            for (var output = 0; output < Math.Min(Group, outputs - (group * Group)); output++)
            {
                var row = (group * Group) + output;
                PackValues((uint*)(values + ((long)row * inputs / 2)), group, output);
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
        => new(Values(group), Scales(group), ZeroPoints(group), groups, BlockSize / Tile);

    public void Dispose()
    {
        _values.Dispose();
        _scales.Dispose();
        _zeroPoints.Dispose();
    }

    // 32 inputs are 16 bytes; four inputs are two of them, and go to the low or high halves of four.
    private void PackValues(uint* row, int group, int output)
    {
        var target = (uint*)Values(group) + output;
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

    private byte* Values(int group) => (byte*)_values.Address + ((long)group * TileBytes * (Inputs / Tile));

    private float* Scales(int group) => (float*)_scales.Address + ((long)group * Blocks * Group);

    private byte* ZeroPoints(int group) => (byte*)_zeroPoints.Address + ((long)group * Blocks * Group);
}

/// <summary>Consecutive groups of outputs of a <see cref="PackedMatrix"/>.</summary>
internal readonly unsafe struct PackedPart(byte* values, float* scales, byte* zeroPoints, int groups, int tilesOfBlock)
{
    public readonly byte* Values = values;
    public readonly float* Scales = scales;
    public readonly byte* ZeroPoints = zeroPoints;
    public readonly int Groups = groups;

    /// <summary>Tiles of inputs that share a scale.</summary>
    public readonly int TilesOfBlock = tilesOfBlock;
}
