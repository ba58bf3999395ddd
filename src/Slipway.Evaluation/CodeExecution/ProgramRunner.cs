using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Slipway.Evaluation.CodeExecution;

/// <summary>Runs programs that a model wrote, each in a process of its own that may do little.</summary>
/// <remarks>
/// <para>
/// On Linux on x64 the kernel holds a program to this, whatever it becomes (resource limits and a seccomp filter, set
/// before its first instruction and not to be taken off; no rights of an administrator are needed): it computes for so
/// long, with so much memory; it opens no socket, starts no process, and creates, changes and removes no file; it
/// signals no other process. It may read files that the user may read, and start threads. On other systems no program
/// is run.
/// </para>
/// <para>Thread-safe; as many programs run at a time as there are processors.</para>
/// </remarks>
public sealed class ProgramRunner
{
    private const string RunnerFile = "Slipway.CodeRunner.dll";

    // Programs that wait for a processor would run out of time.
    private static readonly SemaphoreSlim Processors = new(Environment.ProcessorCount);

    private readonly ProgramLimits _limits;
    private readonly string _runner;

    /// <summary>Creates a runner.</summary>
    /// <param name="limits">What each program may use; null for the defaults.</param>
    /// <param name="runnerPath">
    /// The program <c>Slipway.CodeRunner.dll</c>; null for the one beside the application.
    /// </param>
    /// <exception cref="PlatformNotSupportedException">Programs cannot be confined on this system.</exception>
    /// <exception cref="FileNotFoundException">The program that confines others is not there.</exception>
    /// <exception cref="ArgumentException">A limit is out of range.</exception>
    public ProgramRunner(ProgramLimits? limits = null, string? runnerPath = null)
    {
        _limits = limits ?? new ProgramLimits();
        if (_limits.Time <= TimeSpan.Zero || _limits.MemoryBytes < 64 << 20 || _limits.OutputLength < 1)
        {
            throw new ArgumentException(
                $"The limits are {_limits.Time}, {_limits.MemoryBytes} bytes and {_limits.OutputLength} characters; "
                + "expected some time, 64 MiB or more, and 1 or more.",
                nameof(limits));
        }

        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            throw new PlatformNotSupportedException(
                "Programs that a model wrote are run on Linux on x64 only, where the kernel confines them. Run code "
                + "tasks there.");
        }

        _runner = Path.GetFullPath(runnerPath ?? Path.Combine(AppContext.BaseDirectory, RunnerFile));
        if (!File.Exists(_runner))
        {
            throw new FileNotFoundException(
                $"The program '{_runner}', which confines others, is not there. Reference the project "
                + "'Slipway.CodeRunner', or name its path.");
        }
    }

    /// <summary>The names of the languages.</summary>
    public static IReadOnlyList<string> Languages { get; } = [.. ProgramLanguage.All.Select(one => one.Name)];

    /// <summary>Runs a program.</summary>
    /// <remarks>
    /// It has run to its end only where a line behind its last one was reached, so that leaving early is no success.
    /// </remarks>
    /// <param name="language">One of <see cref="Languages"/>; C# is a script.</param>
    /// <param name="program">The program's text.</param>
    /// <param name="cancellationToken">Ends the program.</param>
    /// <exception cref="ArgumentException">There is no such language.</exception>
    /// <exception cref="NotSupportedException">What runs the language is not there.</exception>
    public async Task<ProgramResult> RunAsync(
        string language, string program, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(program);
        var row = ProgramLanguage.All.FirstOrDefault(one => one.Name == language) ?? throw new ArgumentException(
            $"'{Excerpt.Of(language)}' is no language that programs are run in; expected one of "
            + $"{Excerpt.OfList(Languages)}.",
            nameof(language));
        await Processors.WaitAsync(cancellationToken).ConfigureAwait(false);
        var folder = Directory.CreateTempSubdirectory("slipway-program-");
        try
        {
            var file = Path.Combine(folder.FullName, row.FileName);
            var end = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
            await File.WriteAllTextAsync(file, $"{program}\n{row.Last(end)}\n", cancellationToken)
                .ConfigureAwait(false);
            return await RunFileAsync(row, file, end, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            folder.Delete(recursive: true);
            Processors.Release();
        }
    }

    private async Task<ProgramResult> RunFileAsync(
        ProgramLanguage language, string file, string end, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var time = _limits.Time + language.StartTime;
        using var process = Process.Start(Start(language, file, time))!;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ending.CancelAfter(time);
        process.StandardInput.Close();
        Task<(string Text, bool IsWhole)> output = ReadAsync(process.StandardOutput), error = ReadAsync(
            process.StandardError);
        var isOver = false;
        try
        {
            // A program that has written too much is ended by whichever reader notices.
            await Task.WhenAll(output, error).WaitAsync(ending.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(ending.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            isOver = true;
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }

        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        var (text, wholeOutput) = await output.ConfigureAwait(false);
        var (errors, wholeError) = await error.ConfigureAwait(false);
        var ended = ProgramEnd.Of(
            process.ExitCode, isOver, !wholeOutput || !wholeError,
            text.TrimEnd().EndsWith(end, StringComparison.Ordinal), errors, time);
        return new ProgramResult(
            ended.Outcome, ended.Reason, text.Replace(end, "", StringComparison.Ordinal), errors,
            Stopwatch.GetElapsedTime(started));

        async Task<(string, bool)> ReadAsync(StreamReader reader)
        {
            var buffer = new char[_limits.OutputLength + end.Length + 2];
            // Ends with the program, which is ended in any case.
            var length = await reader.ReadBlockAsync(buffer, CancellationToken.None).ConfigureAwait(false);
            if (length == buffer.Length)
            {
                process.Kill(entireProcessTree: true);
            }

            return (new string(buffer, 0, Math.Min(length, buffer.Length)), length < buffer.Length);
        }
    }

    private ProcessStartInfo Start(ProgramLanguage language, string file, TimeSpan time)
    {
        var (addressSpace, data) = language.Memory(_limits);
        var start = new ProcessStartInfo(
            ProgramLanguage.DotNet,
            [
                _runner, "confine", Number((long)Math.Ceiling(time.TotalSeconds)), Number(addressSpace), Number(data),
                .. language.Command(_runner, file),
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(file),
        };

        // Secrets often are in the environment.
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        start.Environment["HOME"] = start.WorkingDirectory;
        start.Environment["LANG"] = "C.UTF-8";

        // The runtime would open a socket for diagnosis, and files in shared memory for its code.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "0";
        foreach (var (name, value) in language.Variables(_limits))
        {
            start.Environment[name] = value;
        }

        return start;

        static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
