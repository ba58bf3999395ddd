using System.Runtime.InteropServices;

namespace Slipway.Cli.Terminal;

/// <summary>Cancels the run at Ctrl-C, when the process is asked to end, and when its terminal is closed.</summary>
/// <remarks>
/// A run that is cancelled saves or removes what it began, however long that takes; a second signal ends it at once. A
/// hang-up that the parent ignores, as <c>nohup</c> does, stays ignored.
/// </remarks>
internal sealed class Interruption : IDisposable
{
    private static readonly PosixSignal[] Signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];

    // Not disposed: a signal may still be on its way when the run is over.
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption()
        => _registrations = [.. Signals.Select(signal => PosixSignalRegistration.Create(signal, Cancel))];

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private void Cancel(PosixSignalContext context)
    {
        context.Cancel = !_source.IsCancellationRequested;
        _source.Cancel();
    }
}
