using System.Diagnostics;
using System.Globalization;

namespace Slipway.Load;

/// <summary>Holds the server's process.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, Uri address) => (_process, Address) = (process, address);

    /// <summary>The server's address.</summary>
    public Uri Address { get; }

    /// <summary>The server's resident bytes.</summary>
    public long Resident
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Tells whether the process has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Starts the server.</summary>
    public static async Task<ServerProcess> StartAsync(LoadOptions options)
    {
        var process = Process.Start(new ProcessStartInfo(
            "dotnet",
            [
                typeof(ServerProcess).Assembly.Location, "server", options.Package,
                options.QueueCapacity.ToString(CultureInfo.InvariantCulture),
                options.BatchSize.ToString(CultureInfo.InvariantCulture),
                options.SendTimeout.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            ])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        var line = await process.StandardOutput.ReadLineAsync();
        return new ServerProcess(process, new Uri(line ?? throw new InvalidOperationException(
            $"The server of '{options.Package}' did not start; see above.")));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
