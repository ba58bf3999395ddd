using System.Collections;
using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using static Slipway.CodeRunner.Confinement.LinuxCalls;

namespace Slipway.CodeRunner.Confinement;

/// <summary>Confines this process and makes it another program. Linux on x64 only.</summary>
internal static unsafe class ConfinedProgram
{
    private const ulong MaxOpenFiles = 256;

    // A program that sleeps uses no processor time; where nobody is left to end it, its own alarm does.
    private const ulong AlarmSeconds = 30;

    /// <summary>Confines this process and becomes the program; returns only by an exception.</summary>
    /// <param name="limits">What the program may use.</param>
    /// <param name="command">The program's full path, and its arguments.</param>
    /// <exception cref="PlatformNotSupportedException">The system is not Linux on x64.</exception>
    /// <exception cref="Win32Exception">The kernel refuses a limit, the filter or the program.</exception>
    public static int Become(ResourceLimits limits, string[] command)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            throw new PlatformNotSupportedException("Programs are confined on Linux on x64 only.");
        }

        // All that takes memory comes before the limit of memory, which this runtime exceeds already.
        var filter = SystemCallFilter.Write(Environment.ProcessId);
        byte** arguments = Texts(command), environment = Texts([.. Variables()]);
        _ = Execute(Texts([""])[0], arguments, environment);
        _ = StartSession();
        _ = Alarm((uint)(limits.Seconds + AlarmSeconds));
        Check(ControlProcess(SetNoNewPrivileges, 1, null, 0, 0), "PR_SET_NO_NEW_PRIVS");
        Set(CoreSize, 0);
        Set(FileSize, 0);
        Set(OpenFiles, MaxOpenFiles);
        Set(ProcessorTime, limits.Seconds);
        fixed (Instruction* instructions = filter)
        {
            var description = new Filter { Length = (ushort)filter.Length, Instructions = instructions };
            Check(ControlProcess(SetSystemCallFilter, FilterMode, &description, 0, 0), "PR_SET_SECCOMP");
        }

        if (limits.Data > 0)
        {
            Set(Data, limits.Data);
        }

        if (limits.AddressSpace > 0)
        {
            Set(AddressSpace, limits.AddressSpace);
        }

        Check(Execute(arguments[0], arguments, environment), command[0]);
        return 0;
    }

    private static void Set(int resource, ulong value)
    {
        var limit = new Limit { Soft = value, Hard = value };
        Check(SetLimit(resource, &limit), "setrlimit");
    }

    private static void Check(int result, string what)
    {
        if (result != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"'{what}' was refused by the system.");
        }
    }

    private static IEnumerable<string> Variables()
        => Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(one => $"{one.Key}={one.Value}");

    // Never freed: the process becomes another one.
    private static byte** Texts(string[] texts)
    {
        var list = (byte**)NativeMemory.AllocZeroed((nuint)texts.Length + 1, (nuint)sizeof(byte*));
        foreach (var (index, text) in texts.Index())
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            list[index] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(list[index], bytes.Length));
        }

        return list;
    }
}
