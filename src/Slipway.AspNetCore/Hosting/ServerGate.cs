using Microsoft.Extensions.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Keeps new requests out once the host stops, while those in flight end. Thread-safe.</summary>
/// <remarks>
/// The listener stays open until the last request has ended, or the host's time to shut down is over, so that clients
/// that come meanwhile are told to go elsewhere.
/// </remarks>
internal sealed class ServerGate : IHostedLifecycleService
{
    /// <summary>The state of a server that takes requests and has loaded what it was told to.</summary>
    public const string Ready = "ready";

    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenRegistration _closing;
    private int _inside;
    private bool _isClosed;
    private volatile bool _isLoading;

    /// <summary>Closes when the host begins to stop.</summary>
    public ServerGate(IHostApplicationLifetime lifetime)
        => _closing = lifetime.ApplicationStopping.Register(Close);

    /// <summary>
    /// Tells whether models are still being loaded; requests are taken all the same, and wait for them.
    /// </summary>
    public bool IsLoading
    {
        get => _isLoading;
        set => _isLoading = value;
    }

    /// <summary>The state in a word, for health checks.</summary>
    public string State
    {
        get
        {
            lock (_lock)
            {
                return _isClosed ? "stopping" : IsLoading ? "loading" : Ready;
            }
        }
    }

    /// <summary>Lets a request in; dispose the result when it has ended.</summary>
    /// <exception cref="OpenAIException">The server is stopping.</exception>
    public IDisposable Enter()
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                throw new OpenAIException(
                    503, "The server is stopping. Send the request to another one.", code: "stopping")
                {
                    RetryAfter = 1,
                };
            }

            _inside++;
            return new Visit(this);
        }
    }

    /// <summary>Waits for the requests in flight, before the listener closes.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        Close();
        await _empty.Task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _closing.DisposeAsync().ConfigureAwait(false);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            CompleteWhenEmpty();
        }
    }

    private void Leave()
    {
        lock (_lock)
        {
            _inside--;
            CompleteWhenEmpty();
        }
    }

    private void CompleteWhenEmpty()
    {
        if (_isClosed && _inside == 0)
        {
            _empty.TrySetResult();
        }
    }

    private sealed class Visit(ServerGate gate) : IDisposable
    {
        private ServerGate? _gate = gate;

        public void Dispose() => Interlocked.Exchange(ref _gate, null)?.Leave();
    }
}
