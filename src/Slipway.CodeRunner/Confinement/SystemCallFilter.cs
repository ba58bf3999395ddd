using static Slipway.CodeRunner.Confinement.LinuxCalls;

namespace Slipway.CodeRunner.Confinement;

/// <summary>Writes the filter that the kernel asks at each system call (seccomp, <c>SECCOMP_MODE_FILTER</c>).</summary>
/// <remarks>
/// A program under test opens no network, starts no process, writes no file, signals nobody but itself, and shares no
/// memory that its limits do not count. What it does in its own memory is its own affair. The filter holds for whatever
/// the program becomes, and cannot be taken off.
/// </remarks>
internal static class SystemCallFilter
{
    private const uint X64 = 0xC000003E;
    private const uint ThirtyTwoBitNumbers = 0x40000000;

    // Places in what the kernel shows a filter: the call's number, the processor, and the arguments' lower halves.
    private const uint Number = 0;
    private const uint Processor = 4;
    private const uint FirstArgument = 16;
    private const uint ArgumentSize = 8;
    private const uint UpperHalf = 4;

    private const uint KillProcess = 0x80000000;
    private const uint Allow = 0x7FFF0000;
    private const uint Error = 0x00050000;

    private const ushort Load = 0x20;
    private const ushort And = 0x54;
    private const ushort JumpIfEqual = 0x15;
    private const ushort JumpIfAtLeast = 0x35;
    private const ushort JumpIfAnyBit = 0x45;
    private const ushort Return = 0x06;

    // O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
    private const uint Writes = 0x1 | 0x2 | 0x40 | 0x200;
    private const uint IsThread = 0x10000;
    private const uint SharedBytes = 16385;
    private const uint SharedAnonymous = 0x1 | 0x20;

    /// <summary>Writes the filter for a process.</summary>
    /// <param name="process">The process, which keeps its number through the program's start.</param>
    public static Instruction[] Write(int process)
    {
        List<Instruction> program =
        [
            Step(Load, Processor), Jump(JumpIfEqual, X64, 1, 0), Step(Return, KillProcess),
            Step(Load, Number), Jump(JumpIfAtLeast, ThirtyTwoBitNumbers, 0, 1), Step(Return, KillProcess),
        ];
        foreach (var (error, numbers) in DeniedCalls.All)
        {
            foreach (var number in numbers)
            {
                program.AddRange([Jump(JumpIfEqual, (uint)number, 0, 1), Step(Return, Error | (uint)error)]);
            }
        }

        // If the call is the one: load an argument, and decide by it.
        AddWhere(DeniedCalls.OpenAt, 2, JumpIfAnyBit, Writes, denies: true, DeniedCalls.AccessDenied);
        AddWhere(DeniedCalls.Open, 1, JumpIfAnyBit, Writes, denies: true, DeniedCalls.AccessDenied);
        AddWhere(DeniedCalls.Clone, 0, JumpIfAnyBit, IsThread, denies: false, DeniedCalls.NotPermitted);
        AddWhere(DeniedCalls.Kill, 0, JumpIfEqual, (uint)process, denies: false, DeniedCalls.NotPermitted);
        AddWhere(DeniedCalls.KillThread, 0, JumpIfEqual, (uint)process, denies: false, DeniedCalls.NotPermitted);
        AddWhere(DeniedCalls.SetLimitOf, 0, JumpIfEqual, 0, denies: false, DeniedCalls.NotPermitted);
        program.AddRange(
        [
            // The runtime of .NET shares a page or two; the limits do not count shared memory.
            Jump(JumpIfEqual, DeniedCalls.MapMemory, 0, 8), Step(Load, FirstArgument + (3 * ArgumentSize)),
            Step(And, SharedAnonymous), Jump(JumpIfEqual, SharedAnonymous, 0, 5),
            Step(Load, FirstArgument + ArgumentSize + UpperHalf), Jump(JumpIfEqual, 0, 0, 2),
            Step(Load, FirstArgument + ArgumentSize), Jump(JumpIfAtLeast, SharedBytes, 0, 1),
            Step(Return, Error | DeniedCalls.NoMemory),
            Step(Return, Allow),
        ]);
        return [.. program];

        void AddWhere(int number, uint argument, ushort test, uint operand, bool denies, int error)
            => program.AddRange(
            [
                Jump(JumpIfEqual, (uint)number, 0, 4),
                Step(Load, FirstArgument + (argument * ArgumentSize)),
                denies ? Jump(test, operand, 0, 1) : Jump(test, operand, 1, 0),
                Step(Return, Error | (uint)error),
                Step(Return, Allow),
            ]);
    }

    private static Instruction Step(ushort code, uint operand) => new() { Code = code, Operand = operand };

    private static Instruction Jump(ushort code, uint operand, byte ifTrue, byte ifFalse)
        => new() { Code = code, Operand = operand, IfTrue = ifTrue, IfFalse = ifFalse };
}
