using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Slipway.Generation;

/// <summary>Streams several answers to one prompt, their tokens as they come.</summary>
internal sealed class ParallelAnswers(TokenGenerator generator)
{
    // As far apart as seeds of 64 bits can be, so that neighbouring seeds' answers are not each other's.
    private const long SeedStep = unchecked((long)0x9E3779B97F4A7C15);

    public async IAsyncEnumerable<GeneratedToken> GenerateAsync(
        GenerationRequest request,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var rest = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var tokens = Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleReader = true });
        var answers = Enumerable.Range(0, request.NumReturnSequences).Select(RelayAsync).ToArray();
        var end = CompleteAsync();
        try
        {
            await foreach (var token in tokens.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                yield return token;
            }
        }
        finally
        {
            await rest.CancelAsync().ConfigureAwait(false);
            await end.ConfigureAwait(false);
        }

        async Task RelayAsync(int index)
        {
            var sampling = request.Sampling with { Seed = unchecked(request.Sampling.Seed + (index * SeedStep)) };
            var one = generator.GenerateAsync(request with { Sampling = sampling }, rest.Token);
            try
            {
                await foreach (var token in one.ConfigureAwait(false))
                {
                    tokens.Writer.TryWrite(token with { SequenceIndex = index });
                }
            }
            catch
            {
                // Where one answer fails, the others are of no use.
                await rest.CancelAsync().ConfigureAwait(false);
                throw;
            }
        }

        async Task CompleteAsync()
        {
            var all = Task.WhenAll(answers);
            await ((Task)all).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            tokens.Writer.TryComplete(cancellationToken.IsCancellationRequested
                ? new OperationCanceledException(cancellationToken)
                : all.Exception?.InnerException);
        }
    }
}
