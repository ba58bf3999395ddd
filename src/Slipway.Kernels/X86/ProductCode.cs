using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Slipway.Kernels.MatMul;
using static Slipway.Kernels.X86.VectorInstruction;

namespace Slipway.Kernels.X86;

/// <summary>
/// Writes the routines of <see cref="MatMulAvx512Vnni"/>: the product of some rows with 16 outputs, by the instruction
/// that adds up four products of bytes, which .NET 10 has for vectors of 256 bits only.
/// </summary>
/// <remarks>
/// A routine is a function of one <see cref="ProductJob"/> by the calling convention of Linux. It computes as the loops
/// of <see cref="MatMulAvx512"/> do, with the sums of all rows in registers.
/// </remarks>
internal static unsafe class ProductCode
{
    /// <summary>The most rows of a routine.</summary>
    public const int MaxRows = 8;

    // Rows whose addresses share a register: no, one and two strides from it.
    private const int RowsOfBase = 3;

    // Bytes.
    private const int Line = 64, Ahead = 2048;
    private const int GridsAhead = 8;

    // Widens numbers of half precision; see HalfNumbers.
    private const int HalfShift = 13, HalfMask = unchecked((int)0x8FFFE000);

    // Vectors: row r has its sum in r and its total in Totals + r.
    private const int Totals = 8, First = 16, Second = 17, Scales = 18, Offsets = 19, Factor = 20;
    private const int LowHalves = 21, Unit = 22, SignAndSize = 23, Shifts = 24, Numbers = 25;

    private const Register
        Values = Register.R12, Grids = Register.R13, Blocks = Register.R14, Tiles = Register.R15, Width = Register.Rbp,
        Step = Register.Rbx, Job = Register.Rdi, Spare = Register.R15;

    private static readonly Register[] _x = [Register.Rax, Register.Rcx, Register.Rdx];
    private static readonly Register[] _scales = [Register.Rsi, Register.R8, Register.R9];
    private static readonly Register[] _sums = [Register.R10, Register.R11, Job];

    // A routine gives these back as they were.
    private static readonly Register[] _kept =
        [Register.Rbx, Register.Rbp, Register.R12, Register.R13, Register.R14, Register.R15];

    /// <summary>Tells whether this processor and this system run such routines.</summary>
    public static bool IsSupported { get; } = HasInstruction() && MachineCode.Map([0xC3]) != null;

    /// <summary>The numbers that routines read: 0 … 15, then the shifts of zero points of 4 bits.</summary>
    public static byte* Table { get; } = WriteTable();

    /// <summary>Makes the routines for one row, two … <see cref="MaxRows"/>.</summary>
    /// <exception cref="PlatformNotSupportedException">The system lets no more code be made.</exception>
    public static nint[] Map(int bits, int numberBytes, bool hasMinima)
    {
        var codes = Enumerable.Range(1, MaxRows).Select(rows => Write(bits, numberBytes, hasMinima, rows)).ToArray();
        var start = (nint)MachineCode.Map([.. codes.SelectMany(code => code)]);
        if (start == 0)
        {
            throw new PlatformNotSupportedException(
                $"The system lets this program make no more code. Set {InstructionSets.Variable} to "
                + $"'{InstructionSet.Avx512}'.");
        }

        return [.. codes.Select((_, at) => start + codes.Take(at).Sum(code => code.Length))];
    }

    /// <summary>Writes one.</summary>
    /// <param name="bits">Bits of a value, 4 or 8.</param>
    /// <param name="numberBytes">Bytes of a scale, and of a minimum.</param>
    /// <param name="hasMinima">Whether offsets are minima; they are zero points otherwise.</param>
    /// <param name="rows">The number of rows.</param>
    public static byte[] Write(int bits, int numberBytes, bool hasMinima, int rows)
    {
        var code = new Assembler();
        var bases = (rows + RowsOfBase - 1) / RowsOfBase;
        foreach (var register in _kept)
        {
            code.Push(register);
        }

        code.Push(Job);
        code.Load(Spare, Field(nameof(ProductJob.TilesOfBlock)));
        code.Push(Spare);
        WriteConstants(code, bits, numberBytes, hasMinima);
        code.Load(Values, Field(nameof(ProductJob.Values)));
        code.Load(Grids, Field(nameof(ProductJob.Grids)));
        code.Load(Blocks, Field(nameof(ProductJob.Blocks)));
        code.Load(Width, Field(nameof(ProductJob.Width)));
        code.Load(Step, Field(nameof(ProductJob.Step)));
        WriteBases(code, _x[..bases], Field(nameof(ProductJob.X)), Width);
        WriteBases(code, _scales[..bases], Field(nameof(ProductJob.Scales)), Step);
        WriteBases(code, _sums[..bases], Field(nameof(ProductJob.Sums)), Step);
        for (var row = 0; row < rows; row++)
        {
            code.Vector(Xor, Totals + row, Totals + row, Totals + row);
        }

        var block = code.Here;
        WriteSums(code, bits, rows);
        WriteFold(code, bits, numberBytes, hasMinima, rows);
        foreach (var register in (Register[])[.. _scales[..bases], .. _sums[..bases]])
        {
            code.Add(register, sizeof(float));
        }

        code.Loop(Blocks, block);
        code.Pop(Spare);
        code.Pop(Job);
        code.Store(Field(nameof(ProductJob.Values)), Values);
        code.Store(Field(nameof(ProductJob.Grids)), Grids);
        code.Load(Width, Field(nameof(ProductJob.Stride)));
        WriteBases(code, _x[..bases], Field(nameof(ProductJob.Y)), Width);
        for (var row = 0; row < rows; row++)
        {
            code.Vector(Store, Totals + row, 0, Row(_x, row, 0, Width));
        }

        code.ClearUpper();
        foreach (var register in _kept.Reverse())
        {
            code.Pop(register);
        }

        code.Return();
        return code.ToArray();
    }

    private static void WriteConstants(Assembler code, int bits, int numberBytes, bool hasMinima)
    {
        if (bits == 4)
        {
            code.Set(Spare, 0x0F0F0F0F);
            code.Repeat(LowHalves, Spare);
        }

        if (numberBytes == HalfNumbers.Size)
        {
            code.Set(Spare, HalfMask);
            code.Repeat(SignAndSize, Spare);
            code.Vector(Repeat, Unit, 0, Field(nameof(ProductJob.Unit)));
        }

        if (bits == 4 && !hasMinima)
        {
            code.Load(Spare, Field(nameof(ProductJob.Table)));
            code.Vector(Load, Numbers, 0, new Address(Spare));
            code.Vector(Load, Shifts, 0, new Address(Spare, Line));
        }
    }

    // The first register gets the address that is there; each further one lies three strides after the one before.
    private static void WriteBases(Assembler code, Register[] bases, Address first, Register stride)
    {
        // The last one may be the job itself.
        code.Load(bases[0], first);
        if (bases.Length > 1)
        {
            code.LoadAddress(Spare, new Address(stride, 0, stride, 2));
        }

        for (var i = 1; i < bases.Length; i++)
        {
            code.LoadAddress(bases[i], new Address(bases[i - 1], 0, Spare, 1));
        }
    }

    // A block's Σ value * x of each row.
    private static void WriteSums(Assembler code, int bits, int rows)
    {
        var tileBytes = PackedMatrix.Group * PackedMatrix.Tile * bits / 8;
        for (var row = 0; row < rows; row++)
        {
            code.Vector(Xor, row, row, row);
        }

        code.Load(Tiles, new Address(Register.Rsp));
        var tile = code.Here;
        for (var q = 0; q < 4; q++)
        {
            WriteValues(code, bits, q, tileBytes);
            for (var half = 0; half < 2; half++)
            {
                for (var row = 0; row < rows; row++)
                {
                    var x = Row(_x, row, (4 * q) + (PackedMatrix.Tile / 2 * half), Width);
                    code.Vector(AddByteProducts, row, First + half, x, isRepeated: true);
                }
            }
        }

        code.Add(Values, tileBytes);
        foreach (var register in _x[..((rows + RowsOfBase - 1) / RowsOfBase)])
        {
            code.Add(register, PackedMatrix.Tile);
        }

        code.Loop(Tiles, tile);
    }

    // As the types of IPackedValues load them.
    private static void WriteValues(Assembler code, int bits, int q, int tileBytes)
    {
        var at = Line * q;
        code.Vector(Load, First, 0, new Address(Values, at));
        code.Prefetch(new Address(Values, Ahead + at));
        if (bits == 8)
        {
            at += tileBytes / 2;
            code.Vector(Load, Second, 0, new Address(Values, at));
            code.Prefetch(new Address(Values, Ahead + at));
            return;
        }

        code.Vector(ShiftWordsRight, Second, First, (byte)4);
        code.Vector(And, First, First, LowHalves);
        code.Vector(And, Second, Second, LowHalves);
    }

    // As the types of IBlockGrid do it.
    private static void WriteFold(Assembler code, int bits, int numberBytes, bool hasMinima, int rows)
    {
        var offsets = PackedMatrix.Group * numberBytes;
        var bytes = offsets + (hasMinima ? offsets : PackedMatrix.Group * bits / 8);
        WriteNumbers(code, Scales, 0, numberBytes);
        if (hasMinima)
        {
            WriteNumbers(code, Offsets, offsets, numberBytes);
        }
        else if (bits == 8)
        {
            code.Vector(LoadBytes, Offsets, 0, new Address(Grids, offsets));
            code.Vector(ToSingle, Offsets, 0, Offsets);
        }
        else
        {
            code.Vector(RepeatLong, Offsets, 0, new Address(Grids, offsets));
            code.Vector(ShiftLongsRight, Offsets, Offsets, Shifts);
            code.Vector(Permute, Offsets, Offsets, Numbers);
        }

        for (var row = 0; row < rows; row++)
        {
            code.Vector(ToSingle, row, 0, row);
            code.Vector(
                hasMinima ? MultiplyAdd : MultiplySubtract, hasMinima ? Totals + row : row, Offsets,
                Row(_sums, row, 0, Step), isRepeated: true);
            code.Vector(Multiply, Factor, Scales, Row(_scales, row, 0, Step), isRepeated: true);
            code.Vector(MultiplyAdd, Totals + row, row, Factor);
        }

        code.Prefetch(new Address(Grids, GridsAhead * bytes));
        code.Add(Grids, bytes);
    }

    // As the types of IBlockNumbers widen them.
    private static void WriteNumbers(Assembler code, int vector, int at, int numberBytes)
    {
        if (numberBytes != HalfNumbers.Size)
        {
            code.Vector(Load, vector, 0, new Address(Grids, at));
            return;
        }

        code.Vector(LoadWords, vector, 0, new Address(Grids, at));
        code.Vector(ShiftLeft, vector, vector, (byte)HalfShift);
        code.Vector(And, vector, vector, SignAndSize);
        code.Vector(Multiply, vector, vector, Unit);
    }

    private static Address Row(Register[] bases, int row, int offset, Register stride)
        => new(bases[row / RowsOfBase], offset, stride, row % RowsOfBase);

    private static Address Field(string name) => new(Job, (int)Marshal.OffsetOf<ProductJob>(name));

    private static bool HasInstruction()
        => Avx512BW.IsSupported && X86Base.X64.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    private static byte* WriteTable()
    {
        var memory = (byte*)NativeMemory.AlignedAlloc(2 * Line, Line);
        for (var i = 0; i < PackedMatrix.Group; i++)
        {
            ((float*)memory)[i] = i;
        }

        for (var i = 0; i < Line / sizeof(ulong); i++)
        {
            ((ulong*)(memory + Line))[i] = 4 * (ulong)i;
        }

        return memory;
    }
}
