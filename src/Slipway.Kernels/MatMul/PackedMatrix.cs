using System.Numerics.Tensors;
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
/// Tiles are [groups of outputs, K / 32], grids [groups, blocks] of an <see cref="IBlockGrid"/>.
/// </remarks>
internal sealed unsafe class PackedMatrix : IDisposable
{
    public const int Group = 16;
    public const int Tile = 32;
    public const int TileBytes = Group * Tile / 2;

    // The exponent of the largest numbers of half precision, and the smallest of those.
    private const int MaxExponent = 15;
    private const float LargestExponentFrom = 32768;

    private readonly NativeBuffer _values;
    private readonly NativeBuffer _grids;

    /// <param name="outputs">N.</param>
    /// <param name="inputs">K, a multiple of the block size.</param>
    /// <param name="blockSize">Inputs that share a scale, a multiple of 32.</param>
    /// <param name="values">[N, K / block, block / 2]: of each byte the low half comes first.</param>
    /// <param name="grids">How the blocks' scales and offsets are stored.</param>
    /// <param name="scales">[N, K / block].</param>
    /// <param name="offsets">
    /// Zero points [N, K / block / 2 rounded up] packed likewise, null where all are 8; or minima [N, K / block].
    /// </param>
    public PackedMatrix(
        int outputs, int inputs, int blockSize, byte* values, GridKind grids, byte* scales, byte* offsets)
    {
        (Outputs, Inputs, BlockSize, Grids) = (outputs, inputs, blockSize, grids);
        (Blocks, Groups) = (inputs / blockSize, (outputs + Group - 1) / Group);
        var factor = grids.NumberBytes == HalfNumbers.Size ? FactorOf(scales, offsets) : 1;
        Unit = HalfNumbers.Unit / factor;
        _values = new NativeBuffer((long)Groups * TileBytes * (inputs / Tile));
        _grids = new NativeBuffer((long)Groups * Blocks * grids.Bytes);
        Parallel.For(0, Groups, group =>
        {
            for (var output = 0; output < Math.Min(Group, outputs - (group * Group)); output++)
            {
                var row = (group * Group) + output;
                PackValues((uint*)(values + ((long)row * inputs / 2)), group, output);
                PackGrids(scales, offsets, factor, row, group, output);
            }
        });
    }

    public int Outputs { get; }

    public int Inputs { get; }

    public int BlockSize { get; }

    public int Blocks { get; }

    public int Groups { get; }

    public GridKind Grids { get; }

    /// <summary>
    /// The factor of numbers of half precision whose bits were put in the place of a float's; see
    /// <see cref="HalfNumbers"/>.
    /// </summary>
    public float Unit { get; }

    /// <summary>Bytes that are read of it, values and grids.</summary>
    public long Bytes => _values.Bytes + _grids.Bytes;

    /// <summary>Consecutive groups, valid as long as this.</summary>
    public PackedPart Part(int group, int groups)
        => new(Values(group), GridsOf(group), Unit, groups, BlockSize / Tile);

    public void Dispose()
    {
        _values.Dispose();
        _grids.Dispose();
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

    private void PackGrids(byte* scales, byte* offsets, float factor, int row, int group, int output)
    {
        var (size, zeroBytes) = (Grids.NumberBytes, (Blocks + 1) / 2);
        var grid = GridsOf(group);
        for (var block = 0; block < Blocks; block++, grid += Grids.Bytes)
        {
            var at = (((long)row * Blocks) + block) * size;
            PackNumber(scales + at, factor, grid + (output * size));
            if (Grids.HasMinima)
            {
                PackNumber(offsets + at, factor, grid + ((Group + output) * size));
                continue;
            }

            var zero = offsets is null
                ? 8 : (offsets[((long)row * zeroBytes) + (block / 2)] >> (4 * (block & 1))) & 15;
            *(ulong*)(grid + (Group * size)) |= (ulong)(uint)zero << ((output / 2 * 4) + (output % 2 * 32));
        }
    }

    private void PackNumber(byte* number, float factor, byte* target)
    {
        if (Grids.NumberBytes == HalfNumbers.Size)
        {
            *(Half*)target = (Half)((float)*(Half*)number * factor);
        }
        else
        {
            *(float*)target = *(float*)number;
        }
    }

    // The power of two that gives the largest number the largest exponent of half precision.
    private float FactorOf(byte* scales, byte* offsets)
    {
        var largest = Largest(scales);
        if (Grids.HasMinima)
        {
            largest = Math.Max(largest, Largest(offsets));
        }

        return largest is > 0 and < LargestExponentFrom ? MathF.ScaleB(1, MaxExponent - MathF.ILogB(largest)) : 1;

        float Largest(byte* numbers)
        {
            var all = new ReadOnlySpan<Half>(numbers, checked(Outputs * Blocks));
            return MathF.Abs((float)TensorPrimitives.MaxMagnitude(all));
        }
    }

    private byte* Values(int group) => (byte*)_values.Address + ((long)group * TileBytes * (Inputs / Tile));

    private byte* GridsOf(int group) => (byte*)_grids.Address + ((long)group * Blocks * Grids.Bytes);
}

/// <summary>Consecutive groups of outputs of a <see cref="PackedMatrix"/>.</summary>
internal readonly unsafe struct PackedPart(byte* values, byte* grids, float unit, int groups, int tilesOfBlock)
{
    public readonly byte* Values = values;
    public readonly byte* Grids = grids;
    public readonly float Unit = unit;
    public readonly int Groups = groups;

    /// <summary>Tiles of inputs that share a scale.</summary>
    public readonly int TilesOfBlock = tilesOfBlock;
}
