using System.Numerics.Tensors;
using Slipway.Kernels.Memory;
using Slipway.Packaging.Kernels;

namespace Slipway.Kernels.MatMul;

/// <summary>Holds a matrix of values of 4 or 8 bits in the order in which the kernels read it.</summary>
/// <remarks>
/// Tiles of 16 outputs by 32 inputs are [groups of outputs, K / 32], each as <see cref="IPackedValues"/> says; grids
/// are [groups, blocks] of an <see cref="IBlockGrid"/>.
/// </remarks>
internal sealed unsafe class PackedMatrix : IDisposable
{
    public const int Group = 16;
    public const int Tile = 32;

    // The exponent of the largest numbers of half precision, and the smallest of those.
    private const int MaxExponent = 15;
    private const float LargestExponentFrom = 32768;

    private readonly NativeBuffer _values;
    private readonly NativeBuffer _grids;

    /// <param name="outputs">N.</param>
    /// <param name="inputs">K, a multiple of the block size.</param>
    /// <param name="blockSize">Inputs that share a scale, a multiple of 32.</param>
    /// <param name="values">[N, K / block, bytes of a block]: of each byte the low half comes first.</param>
    /// <param name="layout">How the values, and the blocks' scales and offsets, are stored.</param>
    /// <param name="scales">[N, K / block].</param>
    /// <param name="offsets">
    /// Zero points [N, bytes of a row] packed likewise, null where all are in the middle; or minima [N, K / block].
    /// </param>
    public PackedMatrix(
        int outputs, int inputs, int blockSize, byte* values, MatrixLayout layout, byte* scales, byte* offsets)
    {
        (Outputs, Inputs, BlockSize, Layout) = (outputs, inputs, blockSize, layout);
        (Blocks, Groups) = (inputs / blockSize, (outputs + Group - 1) / Group);
        var factor = layout.NumberBytes == HalfNumbers.Size ? FactorOf(scales, offsets) : 1;
        Unit = HalfNumbers.Unit / factor;
        _values = new NativeBuffer(Groups * GroupBytes);
        _grids = new NativeBuffer((long)Groups * Blocks * layout.GridBytes);
        Parallel.For(0, Groups, group =>
        {
            for (var output = 0; output < Math.Min(Group, outputs - (group * Group)); output++)
            {
                var row = (group * Group) + output;
                layout.PackValues(
                    values + ((long)row * inputs * layout.Bits / 8), inputs / Tile, (uint*)Values(group) + output);
                PackGrids(scales, offsets, factor, row, group, output);
            }
        });
    }

    public int Outputs { get; }

    public int Inputs { get; }

    public int BlockSize { get; }

    public int Blocks { get; }

    public int Groups { get; }

    public MatrixLayout Layout { get; }

    /// <summary>
    /// The factor of numbers of half precision whose bits were put in the place of a float's; see
    /// <see cref="HalfNumbers"/>.
    /// </summary>
    public float Unit { get; }

    /// <summary>Bytes that are read of it, values and grids.</summary>
    public long Bytes => _values.Bytes + _grids.Bytes;

    /// <summary>Bytes of a group's values.</summary>
    public long GroupBytes => (long)Layout.TileBytes * (Inputs / Tile);

    /// <summary>Consecutive groups, valid as long as this.</summary>
    public PackedPart Part(int group, int groups)
        => new(Values(group), GridsOf(group), Unit, groups, BlockSize / Tile);

    public void Dispose()
    {
        _values.Dispose();
        _grids.Dispose();
    }

    private void PackGrids(byte* scales, byte* offsets, float factor, int row, int group, int output)
    {
        var (size, bits) = (Layout.NumberBytes, Layout.Bits);
        var zeroBytes = FusedMatMulContract.ZeroPointBytes(Blocks, bits);
        var grid = GridsOf(group);
        for (var block = 0; block < Blocks; block++, grid += Layout.GridBytes)
        {
            var at = (((long)row * Blocks) + block) * size;
            PackNumber(scales + at, factor, grid + (output * size));
            if (Layout.HasMinima)
            {
                PackNumber(offsets + at, factor, grid + ((Group + output) * size));
                continue;
            }

            // Of 8 bits or 4, the low half of a byte first.
            var zero = offsets is null ? 1 << (bits - 1)
                : (offsets[((long)row * zeroBytes) + (block * bits / 8)] >> (block * bits % 8)) & ((1 << bits) - 1);
            Layout.PutZeroPoint(grid + (Group * size), output, zero);
        }
    }

    private void PackNumber(byte* number, float factor, byte* target)
    {
        if (Layout.NumberBytes == HalfNumbers.Size)
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
        if (Layout.HasMinima)
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

    private byte* Values(int group) => (byte*)_values.Address + (group * GroupBytes);

    private byte* GridsOf(int group) => (byte*)_grids.Address + ((long)group * Blocks * Layout.GridBytes);
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
