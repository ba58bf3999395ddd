using System.Runtime.InteropServices;

namespace Slipway.Kernels.X86;

/// <summary>Says what a routine of <see cref="ProductCode"/> computes: some rows of 16 outputs.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ProductJob
{
    /// <summary>The group's values, and those after them once it is done.</summary>
    public byte* Values;

    /// <summary>The group's grids, and those after them once it is done.</summary>
    public byte* Grids;

    /// <summary>The first row's inputs.</summary>
    public sbyte* X;

    /// <summary>Bytes from a row's inputs to the next one's.</summary>
    public nint Width;

    /// <summary>The scales of the first row's blocks.</summary>
    public float* Scales;

    /// <summary>The sums of the first row's blocks that offsets are multiplied by.</summary>
    public float* Sums;

    /// <summary>Bytes from a row's scales or sums to the next one's.</summary>
    public nint Step;

    /// <summary>Blocks of a row.</summary>
    public nint Blocks;

    /// <summary>Tiles of a block.</summary>
    public nint TilesOfBlock;

    /// <summary>Receives the first row's outputs.</summary>
    public float* Y;

    /// <summary>Bytes from a row's outputs to the next one's.</summary>
    public nint Stride;

    /// <summary>As <see cref="ProductCode.Table"/>.</summary>
    public byte* Table;

    /// <summary>The factor of numbers of half precision.</summary>
    public float Unit;
}
