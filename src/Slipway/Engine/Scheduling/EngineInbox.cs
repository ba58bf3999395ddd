using System.Threading.Channels;

namespace Slipway.Engine.Scheduling;

/// <summary>Holds what an engine's thread does between two steps, in the order in which it came.</summary>
/// <remarks>Posting is safe from any thread; the rest belongs to the engine's.</remarks>
internal sealed class EngineInbox
{
    private readonly Channel<Action> _actions = Channel.CreateUnbounded<Action>(
        new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Hands an action to the thread.</summary>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public void Post(Action action)
        => ObjectDisposedException.ThrowIf(!_actions.Writer.TryWrite(action), typeof(LanguageModel));

    /// <summary>Hands an action to the thread and tells its end.</summary>
    /// <exception cref="ObjectDisposedException">The engine is disposed.</exception>
    public Task InvokeAsync(Action action)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                action();
                done.SetResult();
            }
#pragma warning disable CA1031 // Whoever asked for it is told.
            catch (Exception e)
#pragma warning restore CA1031
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }

    /// <summary>Takes nothing more.</summary>
    public void Complete() => _actions.Writer.TryComplete();

    /// <summary>Ends with the next action, or with false when nothing more comes.</summary>
    public Task<bool> WaitAsync() => _actions.Reader.WaitToReadAsync().AsTask();

    /// <summary>Runs all that has come.</summary>
    public void Run()
    {
        while (_actions.Reader.TryRead(out var action))
        {
            action();
        }
    }
}
