namespace Slipway.Kernels.X86;

/// <summary>Names an instruction on vectors of 512 bits: target, second and third operand.</summary>
/// <param name="Map">The table of opcodes: 1 for 0F, 2 for 0F38.</param>
/// <param name="Prefix">The prefix that is folded in: 0 for none, 1 for 66, 2 for F3.</param>
/// <param name="Opcode">The number in that table.</param>
/// <param name="Bytes">
/// Bytes that it reads or writes where the third operand is memory, unless they are repeated.
/// </param>
/// <param name="IsWide">Whether it works on places of 64 bits.</param>
/// <param name="Group">
/// A further part of the opcode, in the place of the target; the second operand is the target.
/// </param>
internal readonly record struct VectorInstruction(
    int Map, int Prefix, byte Opcode, int Bytes = 64, bool IsWide = false, int? Group = null)
{
    public static readonly VectorInstruction Load = new(1, 2, 0x6F);
    public static readonly VectorInstruction Store = new(1, 2, 0x7F);

    /// <summary>Widens words of 16 bits with a sign to 32.</summary>
    public static readonly VectorInstruction LoadWords = new(2, 1, 0x23, 32);

    /// <summary>Widens bytes without a sign to 32 bits.</summary>
    public static readonly VectorInstruction LoadBytes = new(2, 1, 0x31, 16);

    /// <summary>Puts 32 bits of memory into each place.</summary>
    public static readonly VectorInstruction Repeat = new(2, 1, 0x18, 4);

    /// <summary>Puts 64 bits of memory into each place.</summary>
    public static readonly VectorInstruction RepeatLong = new(2, 1, 0x59, 8, IsWide: true);
    public static readonly VectorInstruction And = new(1, 1, 0xDB);
    public static readonly VectorInstruction Xor = new(1, 1, 0xEF);

    /// <summary>Shifts words of 16 bits to the right by a constant.</summary>
    public static readonly VectorInstruction ShiftWordsRight = new(1, 1, 0x71, Group: 2);

    /// <summary>Shifts places of 32 bits to the left by a constant.</summary>
    public static readonly VectorInstruction ShiftLeft = new(1, 1, 0x72, Group: 6);

    /// <summary>Shifts each place of 64 bits of the second operand to the right as the third says.</summary>
    public static readonly VectorInstruction ShiftLongsRight = new(2, 1, 0x45, IsWide: true);

    /// <summary>Takes places of 32 bits of the third operand by the indices of the second.</summary>
    public static readonly VectorInstruction Permute = new(2, 1, 0x16);
    public static readonly VectorInstruction ToSingle = new(1, 0, 0x5B);
    public static readonly VectorInstruction Multiply = new(1, 0, 0x59);

    /// <summary>Adds the product of the others to the target.</summary>
    public static readonly VectorInstruction MultiplyAdd = new(2, 1, 0xB8);

    /// <summary>Takes the product of the others off the target.</summary>
    public static readonly VectorInstruction MultiplySubtract = new(2, 1, 0xBC);

    /// <summary>
    /// Adds to each place of 32 bits four products of the second operand's unsigned bytes and the third's signed ones.
    /// </summary>
    public static readonly VectorInstruction AddByteProducts = new(2, 1, 0x50);
}
