using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Slipway.Evaluation.CodeExecution;

/// <summary>Describes a language that programs under test are written in.</summary>
/// <param name="Name">The name, by which items ask for it.</param>
/// <param name="FileName">The name of a program's file.</param>
/// <param name="StartTime">The time that the language takes before a program's first line.</param>
/// <param name="Last">The last line of a program, which writes a text to standard output.</param>
internal abstract record ProgramLanguage(string Name, string FileName, TimeSpan StartTime, Func<string, string> Last)
{
    /// <summary>Every language.</summary>
    public static IReadOnlyList<ProgramLanguage> All { get; } = [new PythonLanguage(), new CSharpLanguage()];

    /// <summary>The command that runs a program's file.</summary>
    /// <exception cref="NotSupportedException">What runs the language is not there.</exception>
    public abstract IReadOnlyList<string> Command(string runner, string file);

    /// <summary>Bytes of address space, and of memory to write to; 0 for any.</summary>
    public abstract (long AddressSpace, long Data) Memory(ProgramLimits limits);

    /// <summary>Environment variables of a program, beside the customary ones.</summary>
    public virtual IEnumerable<(string Name, string Value)> Variables(ProgramLimits limits) => [];

    private sealed record PythonLanguage() : ProgramLanguage(
        "python", "program.py", TimeSpan.FromSeconds(2), text => $"print('{text}')")
    {
        private static readonly Lazy<string?> Interpreter = new(Find);

        // Isolated from the user's own packages, and without files of byte code.
        public override IReadOnlyList<string> Command(string runner, string file) =>
        [
            Interpreter.Value ?? throw new NotSupportedException(
                "There is no Python interpreter: neither 'python3' nor 'python' of the PATH answers. Install one, or "
                + "leave Python tasks out."),
            "-I", "-B", file,
        ];

        public override (long AddressSpace, long Data) Memory(ProgramLimits limits) => (limits.MemoryBytes, 0);

        // Asked for its own path, since what the PATH has is often a script that starts another process.
        private static string? Find()
        {
            foreach (var name in new[] { "python3", "python" })
            {
                try
                {
                    using var process = Process.Start(new ProcessStartInfo(
                        name, ["-I", "-c", "import sys; print(sys.executable)"])
                    {
                        RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
                    })!;
                    process.StandardInput.Close();
                    var path = process.StandardOutput.ReadToEnd().Trim();
                    process.WaitForExit();
                    if (process.ExitCode == 0 && File.Exists(path))
                    {
                        return path;
                    }
                }
                catch (System.ComponentModel.Win32Exception)
                {
                    // Not there; the next name may be.
                }
            }

            return null;
        }
    }

    // Compiled by Roslyn in the process that is confined, so that the compiler is confined too.
    private sealed record CSharpLanguage() : ProgramLanguage(
        "csharp", "program.csx", TimeSpan.FromSeconds(10), text => $"System.Console.WriteLine(\"{text}\");")
    {
        // The runtime's and the compiler's own memory.
        private const long OwnBytes = 512L << 20;

        public override IReadOnlyList<string> Command(string runner, string file) => [DotNet, runner, "csharp", file];

        public override (long AddressSpace, long Data) Memory(ProgramLimits limits)
            => (0, limits.MemoryBytes + OwnBytes);

        public override IEnumerable<(string Name, string Value)> Variables(ProgramLimits limits)
            => [("DOTNET_GCHeapHardLimit", limits.MemoryBytes.ToString("X", CultureInfo.InvariantCulture))];
    }

    /// <summary>The host of the runtime that this process runs on.</summary>
    public static string DotNet { get; } = Path.GetFullPath(
        Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
}
