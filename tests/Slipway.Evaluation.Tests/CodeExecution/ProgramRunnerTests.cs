using System.Diagnostics;
using Slipway.Evaluation.CodeExecution;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.CodeExecution;

/// <summary>Runs programs that do what they should not.</summary>
public sealed class ProgramRunnerTests : IDisposable
{
    private static readonly ProgramLimits Limits = new()
    {
        Time = TimeSpan.FromSeconds(10), MemoryBytes = 256 << 20, OutputLength = 5000,
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("python", "assert sum(range(5)) == 10\nprint('done')")]
    [InlineData("python", "import threading\nt = threading.Thread(target=print, args=('done',))\nt.start()\nt.join()")]
    [InlineData("python", "open('/etc/passwd').read()\nprint('done')")]
    [InlineData(
        "csharp", "if (Enumerable.Range(0, 5).Sum() != 10) throw new Exception();\nConsole.WriteLine(\"done\");")]
    public async Task Run_Program_Completes(string language, string program)
    {
        var result = await RunAsync(language, program);
        Assert.True(result.Outcome == ProgramOutcome.Completed, $"{result.Reason} {result.Error}");
        Assert.Equal("done", result.Output.Trim());
    }

    [Theory]
    [InlineData("python", "assert 1 == 2, 'no'", ProgramOutcome.Failed, "It ended with 1: AssertionError: no")]
    [InlineData("python", "def f(:", ProgramOutcome.Failed, "It ended with 1: SyntaxError: invalid syntax")]
    [InlineData("python", "import os\nos._exit(0)", ProgramOutcome.Failed, "It left before its end.")]
    [InlineData("python", "import sys\nsys.exit(0)", ProgramOutcome.Failed, "It left before its end.")]
    [InlineData("python", "x = bytearray(1 << 30)", ProgramOutcome.OutOfMemory,
        "It asked for more memory than it may have: MemoryError")]
    [InlineData("python", "x = []\nwhile True: x.append('x' * 10_000_000)", ProgramOutcome.OutOfMemory,
        "It asked for more memory than it may have: MemoryError")]
    [InlineData("python", "import mmap\nmmap.mmap(-1, 1 << 30)", ProgramOutcome.OutOfMemory,
        "It asked for more memory than it may have: OSError: [Errno 12] Cannot allocate memory")]
    [InlineData("python", "import socket\nsocket.create_connection(('127.0.0.1', 80))", ProgramOutcome.Denied,
        "It asked for what it may not do: OSError: [Errno 101] Network is unreachable")]
    [InlineData("python", "import os\nwhile True: os.fork()", ProgramOutcome.Denied,
        "It asked for what it may not do: PermissionError: [Errno 1] Operation not permitted")]
    [InlineData("python", "import subprocess\nsubprocess.run(['/bin/ls'])", ProgramOutcome.Denied,
        "It asked for what it may not do: PermissionError: [Errno 1] Operation not permitted")]
    [InlineData("python", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", ProgramOutcome.Denied,
        "It asked for what it may not do: PermissionError: [Errno 1] Operation not permitted")]
    [InlineData("python", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ProgramOutcome.Crashed,
        "Signal 9 ended it: ")]
    [InlineData("python", "while True: print('x' * 1000)", ProgramOutcome.TooMuchOutput,
        "It wrote more than it may, and was ended.")]
    [InlineData("csharp", "throw new InvalidOperationException(\"no\");", ProgramOutcome.Failed,
        "It ended with 1: System.InvalidOperationException: no")]
    [InlineData("csharp", "var x = new List<byte[]>(); while (true) x.Add(GC.AllocateArray<byte>(10_000_000));",
        ProgramOutcome.OutOfMemory,
        "It asked for more memory than it may have: ")]
    [InlineData("csharp", """
        using System.Net.Sockets;
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        """, ProgramOutcome.Denied, "It asked for what it may not do: System.Net.Sockets.SocketException")]
    [InlineData("csharp", "System.Diagnostics.Process.Start(\"/bin/ls\");", ProgramOutcome.Denied,
        "It asked for what it may not do: System.ComponentModel.Win32Exception")]
    public async Task Run_ProgramThatDoesWhatItMayNot_IsContainedAndNamed(
        string language, string program, ProgramOutcome outcome, string reason)
    {
        var result = await RunAsync(language, program);
        Assert.True(result.Outcome == outcome, $"{result.Outcome}: {result.Reason}\n{result.Error}");
        Assert.StartsWith(reason, result.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("python", "while True: pass")]
    [InlineData("python", "import time\ntime.sleep(1000)")]
    [InlineData("csharp", "while (true) { }")]
    public async Task Run_Loop_IsEnded(string language, string program)
    {
        Require(language);
        var runner = new ProgramRunner(Limits with { Time = TimeSpan.FromMilliseconds(100) });
        var result = await runner.RunAsync(language, program, TestContext.Current.CancellationToken);
        Assert.Equal(ProgramOutcome.TimedOut, result.Outcome);
        Assert.Matches("^It was not done after [0-9.]+ seconds, and was ended.$", result.Reason);
    }

    [Theory]
    [InlineData("python", "open(r'{0}', 'w')")]
    [InlineData("python", "import os\nos.remove(r'{0}')")]
    [InlineData("python", "import os\nos.rename(r'{0}', r'{0}2')")]
    [InlineData("python", "import os\nos.truncate(r'{0}', 0)")]
    [InlineData("python", "import os\nos.open(r'{0}2', os.O_CREAT)")]
    [InlineData("python", "import os\nos.chmod(r'{0}', 0)")]
    [InlineData("csharp", "File.WriteAllText(@\"{0}\", \"\");")]
    public async Task Run_ProgramThatWritesFiles_ChangesNothing(string language, string program)
    {
        var path = _folder["kept.txt"];
        await File.WriteAllTextAsync(path, "kept", TestContext.Current.CancellationToken);
        var result = await RunAsync(
            language, (language == "csharp" ? "using System.IO;\n" : "")
            + program.Replace("{0}", path, StringComparison.Ordinal));
        Assert.True(result.Outcome == ProgramOutcome.Denied, $"{result.Outcome}: {result.Reason}\n{result.Error}");
        Assert.Equal("kept", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Run_Environment_HoldsNoSecrets()
    {
        Environment.SetEnvironmentVariable("SLIPWAY_TEST_SECRET", "secret");
        var result = await RunAsync("python", "import os\nprint('SLIPWAY_TEST_SECRET' in os.environ)");
        Assert.Equal("False", result.Output.Trim());
    }

    [Fact]
    public async Task Run_Cancelled_EndsTheProgram()
    {
        Require("python");
        using var source = new CancellationTokenSource();
        var run = new ProgramRunner(Limits).RunAsync("python", "while True: pass", source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task Run_UnknownLanguage_NamesTheLanguages()
    {
        Require("csharp");
        var error = await Assert.ThrowsAsync<ArgumentException>(
            () => new ProgramRunner().RunAsync("cobol", "", TestContext.Current.CancellationToken));
        Assert.Equal(
            "'cobol' is no language that programs are run in; expected one of 'python', 'csharp'. (Parameter "
            + "'language')",
            error.Message);
    }

    [Fact]
    public void Constructor_NoRunner_SaysWhatIsMissing()
    {
        Require("csharp");
        var error = Assert.Throws<FileNotFoundException>(() => new ProgramRunner(null, _folder["none.dll"]));
        Assert.StartsWith($"The program '{_folder["none.dll"]}'", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ProgramRunner(new ProgramLimits { MemoryBytes = 1 }));
    }

    internal static void Require(string language)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Environment.Is64BitProcess
            && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
                == System.Runtime.InteropServices.Architecture.X64,
            "Programs are confined on Linux on x64 only.");
        Assert.SkipWhen(language == "python" && !HasPython(), "There is no Python interpreter in the PATH.");
    }

    private static bool HasPython()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("python3", "--version")
            {
                RedirectStandardOutput = true,
            })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private static Task<ProgramResult> RunAsync(string language, string program)
    {
        Require(language);
        return new ProgramRunner(Limits).RunAsync(language, program, TestContext.Current.CancellationToken);
    }
}
