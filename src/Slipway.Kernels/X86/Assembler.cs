using System.Buffers.Binary;

namespace Slipway.Kernels.X86;

/// <summary>Writes instructions of x64, those that <see cref="ProductCode"/> is made of.</summary>
/// <remarks>Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.</remarks>
internal sealed class Assembler
{
    // Modes of an operand: memory with a short or a long displacement, a register.
    private const int ShortMode = 0x40, LongMode = 0x80, RegisterMode = 0xC0;

    // The number that stands for an index that follows, and for none there.
    private const int NeedsIndex = 4, NoIndex = 4;

    private readonly List<byte> _code = [];

    /// <summary>Bytes so far: the place of the next instruction.</summary>
    public int Here => _code.Count;

    public byte[] ToArray() => [.. _code];

    /// <summary>Puts bytes that are no instructions.</summary>
    public void Data(ReadOnlySpan<byte> bytes) => _code.AddRange(bytes);

    public void Push(Register register) => OneByte(0x50, register);

    public void Pop(Register register) => OneByte(0x58, register);

    public void Return() => _code.Add(0xC3);

    /// <summary>Ends the use of long vectors before code that knows none.</summary>
    public void ClearUpper() => _code.AddRange([0xC5, 0xF8, 0x77]);

    /// <summary>Sets a register to a number; the upper half to zero.</summary>
    public void Set(Register target, int value)
    {
        OneByte(0xB8, target);
        Number(value);
    }

    public void Add(Register target, int value)
    {
        _code.AddRange([Wide(0, (int)target), 0x81, Direct(0, (int)target)]);
        Number(value);
    }

    public void Load(Register target, Address address) => WithMemory(0x8B, target, address);

    public void Store(Address address, Register source) => WithMemory(0x89, source, address);

    /// <summary>Sets a register to the address itself.</summary>
    public void LoadAddress(Register target, Address address) => WithMemory(0x8D, target, address);

    /// <summary>Takes 1 of a register, and jumps back unless that leaves zero.</summary>
    public void Loop(Register counter, int start)
    {
        _code.AddRange([Wide(0, (int)counter), 0xFF, Direct(1, (int)counter), 0x0F, 0x85]);
        Number(start - (Here + sizeof(int)));
    }

    /// <summary>Asks for a line of memory ahead of its use.</summary>
    public void Prefetch(Address address)
    {
        if (address.Base >= Register.R8)
        {
            _code.Add(0x41);
        }

        _code.AddRange([0x0F, 0x18]);
        Operand(1, address, 1);
    }

    /// <summary>Puts the low 32 bits of a register into each place of a vector.</summary>
    public void Repeat(int vector, Register source) => Vector(new(2, 1, 0x7C), vector, 0, (int)source);

    /// <summary>An instruction on vectors, of which there are 32.</summary>
    public void Vector(VectorInstruction instruction, int target, int second, int third)
    {
        Prefixes(instruction, target, second, third >> 4, third >> 3, isRepeated: false);
        _code.Add(Direct(target, third));
    }

    /// <summary>One whose third operand is memory, or 32 bits of it in each place.</summary>
    public void Vector(VectorInstruction instruction, int target, int second, Address third, bool isRepeated = false)
    {
        var index = third.Scale > 0 ? (int)third.Index : 0;
        Prefixes(instruction, target, second, index >> 3, (int)third.Base >> 3, isRepeated);
        Operand(target, third, isRepeated ? sizeof(int) : instruction.Bytes);
    }

    /// <summary>One that takes a constant.</summary>
    public void Vector(VectorInstruction instruction, int target, int source, byte constant)
    {
        Vector(instruction, instruction.Group!.Value, target, source);
        _code.Add(constant);
    }

    private void OneByte(int opcode, Register register)
    {
        if (register >= Register.R8)
        {
            _code.Add(0x41);
        }

        _code.Add((byte)(opcode + ((int)register & 7)));
    }

    private void WithMemory(byte opcode, Register register, Address address)
    {
        var index = address.Scale > 0 ? (int)address.Index >> 3 << 1 : 0;
        _code.AddRange([(byte)(Wide((int)register, (int)address.Base) | index), opcode]);
        Operand((int)register, address, 1);
    }

    // The highest bits of registers are stored inverted.
    private void Prefixes(
        VectorInstruction instruction, int target, int second, int index, int third, bool isRepeated)
        => _code.AddRange(
        [
            0x62,
            (byte)((Inverted(target >> 3) << 7) | (Inverted(index) << 6) | (Inverted(third) << 5)
                | (Inverted(target >> 4) << 4) | instruction.Map),
            (byte)((instruction.IsWide ? 0x80 : 0) | ((~second & 15) << 3) | 4 | instruction.Prefix),
            (byte)(0x40 | (isRepeated ? 0x10 : 0) | (Inverted(second >> 4) << 3)),
            instruction.Opcode,
        ]);

    // Short displacements count in units.
    private void Operand(int register, Address address, int unit)
    {
        var isShort = address.Offset % unit == 0
            && address.Offset / unit is >= sbyte.MinValue and <= sbyte.MaxValue;
        var mode = (isShort ? ShortMode : LongMode) | ((register & 7) << 3);
        var lowest = (int)address.Base & 7;
        if (address.Scale > 0)
        {
            var scale = (address.Scale - 1) << 6;
            _code.AddRange([(byte)(mode | NeedsIndex), (byte)(scale | (((int)address.Index & 7) << 3) | lowest)]);
        }
        else if (lowest == NeedsIndex)
        {
            _code.AddRange([(byte)(mode | NeedsIndex), (byte)((NoIndex << 3) | lowest)]);
        }
        else
        {
            _code.Add((byte)(mode | lowest));
        }

        if (isShort)
        {
            _code.Add((byte)(sbyte)(address.Offset / unit));
        }
        else
        {
            Number(address.Offset);
        }
    }

    private static byte Wide(int register, int other) => (byte)(0x48 | (register >> 3 << 2) | (other >> 3));

    private static byte Direct(int register, int other)
        => (byte)(RegisterMode | ((register & 7) << 3) | (other & 7));

    private static int Inverted(int bit) => ~bit & 1;

    private void Number(int value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        _code.AddRange(bytes);
    }
}
