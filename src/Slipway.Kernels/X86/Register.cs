namespace Slipway.Kernels.X86;

/// <summary>Registers of 64 bits, by their numbers.</summary>
internal enum Register
{
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

/// <summary>Names memory: <c>[Base + Index * Scale + Offset]</c>.</summary>
/// <param name="Base">A register.</param>
/// <param name="Offset">Bytes.</param>
/// <param name="Index">Another register, but <see cref="Register.Rsp"/>.</param>
/// <param name="Scale">1 or 2; 0 for no index.</param>
internal readonly record struct Address(
    Register Base, int Offset = 0, Register Index = Register.Rax, int Scale = 0);
