using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Runs several answers at the same time and gives their updates as they come.</summary>
internal static class AnswerStreams
{
    // An answer that is not read waits, so that a slow client holds no more than this in memory.
    private const int Waiting = 64;

    /// <summary>Merges streams; where one fails, the others end.</summary>
    public static async IAsyncEnumerable<(int Index, T Update)> MergeAsync<T>(
        int count, Func<int, IAsyncEnumerable<T>> stream,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (count == 1)
        {
            await foreach (var update in stream(0).WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                yield return (0, update);
            }

            yield break;
        }

        using var all = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var updates = Channel.CreateBounded<(int, T)>(Waiting);
        var end = Task.WhenAll(Enumerable.Range(0, count).Select(RelayAsync)).ContinueWith(
            done => updates.Writer.TryComplete(done.Exception?.InnerException), TaskScheduler.Default);
        try
        {
            await foreach (var update in updates.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return update;
            }
        }
        finally
        {
            await all.CancelAsync().ConfigureAwait(false);
            await end.ConfigureAwait(false);
        }

        async Task RelayAsync(int index)
        {
            try
            {
                await foreach (var update in stream(index).WithCancellation(all.Token).ConfigureAwait(false))
                {
                    await updates.Writer.WriteAsync((index, update), all.Token).ConfigureAwait(false);
                }
            }
            catch
            {
                await all.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }
    }
}
