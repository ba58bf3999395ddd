using System.Runtime.InteropServices;

namespace Slipway.CodeRunner.Confinement;

/// <summary>Declares the functions of libc that confine this process. Linux only.</summary>
internal static unsafe partial class LinuxCalls
{
    public const int SetNoNewPrivileges = 38;
    public const int SetSystemCallFilter = 22;
    public const ulong FilterMode = 2;

    public const int ProcessorTime = 0;
    public const int FileSize = 1;
    public const int Data = 2;
    public const int CoreSize = 4;
    public const int OpenFiles = 7;
    public const int AddressSpace = 9;

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int ControlProcess(int option, ulong first, void* second, ulong third, ulong fourth);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    public static partial int SetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "alarm")]
    public static partial uint Alarm(uint seconds);

    [LibraryImport("libc", EntryPoint = "setsid")]
    public static partial int StartSession();

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true)]
    public static partial int Execute(byte* path, byte** arguments, byte** environment);

    [StructLayout(LayoutKind.Sequential)]
    public struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }

    /// <summary>An instruction of a filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Instruction
    {
        public ushort Code;
        public byte IfTrue;
        public byte IfFalse;
        public uint Operand;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Filter
    {
        public ushort Length;
        public Instruction* Instructions;
    }
}
