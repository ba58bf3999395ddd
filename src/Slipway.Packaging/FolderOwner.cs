using System.ComponentModel;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Slipway.Packaging;

/// <summary>Names a process so that another one can tell whether it still lives.</summary>
/// <param name="Host">A hash of the machine's name and, on Linux, of the namespace in which process ids count.</param>
/// <param name="Process">The process id.</param>
/// <param name="Started">When it started, in the system's own units; 0 where the system does not tell.</param>
internal readonly record struct FolderOwner(uint Host, int Process, long Started)
{
    private static readonly uint ThisHost = HashHost();

    /// <summary>This process.</summary>
    public static FolderOwner Current { get; } =
        new(ThisHost, Environment.ProcessId, StartOf(Environment.ProcessId) ?? 0);

    /// <summary>Tells whether the process id counts here.</summary>
    public bool IsHere => Host == ThisHost;

    /// <summary>
    /// Tells whether the process lives; another one that has its id by now is told by when it started.
    /// </summary>
    public bool IsAlive => StartOf(Process) is { } started && (Started == 0 || started == 0 || started == Started);

    /// <summary>Reads what <see cref="ToString"/> wrote, whatever follows it.</summary>
    public static bool TryParse(string text, out FolderOwner owner)
    {
        owner = default;
        if (text.Split('-') is not [var host, var process, var started, ..]
            || !uint.TryParse(host, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var machine)
            || !int.TryParse(process, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id)
            || !long.TryParse(started, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var time))
        {
            return false;
        }

        owner = new FolderOwner(machine, id, time);
        return true;
    }

    /// <inheritdoc />
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Host:x8}-{Process:x}-{Started:x}");

    // Null: no such process. 0: there is one, and the system does not tell when it started.
    private static long? StartOf(int process)
    {
        if (OperatingSystem.IsLinux() && ReadStatus(process) is { } status)
        {
            // After the name in brackets, which may hold anything: the state and, 19 fields later, the start in ticks.
            var fields = status[(status.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return fields is ["Z" or "X", ..] ? null
                : fields.Length > 19 && long.TryParse(fields[19], CultureInfo.InvariantCulture, out var ticks) ? ticks
                : 0;
        }

        try
        {
            using var other = System.Diagnostics.Process.GetProcessById(process);
            return OperatingSystem.IsLinux() ? 0 : other.StartTime.ToUniversalTime().Ticks;
        }
        catch (ArgumentException)
        {
            return null;
        }
        catch (Exception exception) when (exception is Win32Exception or InvalidOperationException)
        {
            return 0;
        }
    }

    private static string? ReadStatus(int process)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static uint HashHost()
    {
        var space = OperatingSystem.IsLinux() ? new FileInfo("/proc/self/ns/pid").LinkTarget : null;
        return BitConverter.ToUInt32(SHA256.HashData(Encoding.UTF8.GetBytes($"{Environment.MachineName} {space}")));
    }
}
