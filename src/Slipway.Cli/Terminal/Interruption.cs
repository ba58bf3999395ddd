using System.Runtime.InteropServices;

namespace Slipway.Cli.Terminal;

/// <summary>Cancels the run when its terminal is closed, as Ctrl-C and SIGTERM do.</summary>
/// <remarks>A hang-up that the parent ignores, as <c>nohup</c> does, stays ignored.</remarks>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _hangup;

    public Interruption() => _hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
    {
        signal.Cancel = true;
        _source.Cancel();
    });

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _hangup.Dispose();
        _source.Dispose();
    }
}
