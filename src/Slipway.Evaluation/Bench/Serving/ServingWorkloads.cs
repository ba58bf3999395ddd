using System.Diagnostics;

namespace Slipway.Evaluation.Bench.Serving;

/// <summary>Plays what happens while others are served, and notes when tokens come.</summary>
internal sealed class ServingWorkloads(LanguageModel model, ServingOptions options)
{
    // Steps of a stream before something arrives; the median of the later ones is its usual step.
    private const int UsualSteps = 24;

    // Other prompts than those of the streams alone, which the prefix cache knows.
    private const int OwnPrompts = 0x5ca1e;

    private readonly Random _random = new(options.Seed ^ OwnPrompts);

    public int[] NextPrompt(int tokens)
        => [.. Enumerable.Range(0, tokens).Select(_ => _random.Next(model.VocabularySize))];

    /// <summary>Answers a prompt in full; the time of each token, and the tokens.</summary>
    public async Task<(List<long> Times, List<int> Ids)> AnswerAsync(
        int[] prompt, int? tokens, CancellationToken cancellationToken, Action<int>? reached = null)
    {
        var request = new GenerationRequest
        {
            PromptIds = prompt, MaxOutputTokens = tokens, IgnoreEndOfSequence = true,
        };
        var (times, ids) = (new List<long>(), new List<int>());
        await foreach (var token in model.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            times.Add(Stopwatch.GetTimestamp());
            ids.Add(token.Id);
            reached?.Invoke(ids.Count);
        }

        return (times, ids);
    }

    /// <summary>Seconds to the first token of a prompt.</summary>
    public async Task<double> FirstTokenAsync(int[] prompt, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var (times, _) = await AnswerAsync(prompt, 1, cancellationToken).ConfigureAwait(false);
        return Seconds(started, times[0]);
    }

    /// <summary>
    /// Seconds to the first token of a conversation's second turn, and of as long a prompt that nothing knows.
    /// </summary>
    public async Task<(double Known, double Unknown)> SecondTurnAsync(CancellationToken cancellationToken)
    {
        var first = NextPrompt(options.PromptTokens);
        var (_, answer) = await AnswerAsync(first, options.NewTokens, cancellationToken).ConfigureAwait(false);
        int[] second = [.. first, .. answer, .. NextPrompt(options.TurnTokens)];
        var known = await FirstTokenAsync(second, cancellationToken).ConfigureAwait(false);
        var unknown = await FirstTokenAsync(NextPrompt(second.Length), cancellationToken).ConfigureAwait(false);
        return (known, unknown);
    }

    /// <summary>Lets a prompt arrive while streams decode.</summary>
    /// <param name="streams">Streams that decode.</param>
    /// <param name="tokens">Tokens of the prompt.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    public async Task<Arrival> ArriveAsync(int streams, int tokens, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (begun, missing) = (0, streams);
        var running = Enumerable.Range(0, streams).Select(_ => StreamAsync()).ToArray();
        await all.Task.WaitAsync(cancellationToken).ConfigureAwait(false);

        var started = Stopwatch.GetTimestamp();
        var first = await FirstTokenAsync(NextPrompt(tokens), cancellationToken).ConfigureAwait(false);
        var ended = Stopwatch.GetTimestamp();
        await enough.CancelAsync().ConfigureAwait(false);
        var times = await Task.WhenAll(running).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return new Arrival(first, Usual(times, started), Longest(times, started, ended));

        async Task<List<long>> StreamAsync()
        {
            // The last to begin has made enough steps with all the others beside it.
            var times = new List<long>();
            var request = new GenerationRequest
            {
                PromptIds = NextPrompt(options.PromptTokens), IgnoreEndOfSequence = true,
            };
            var steps = 0;
            try
            {
                await foreach (var token in model.GenerateAsync(request, enough.Token).ConfigureAwait(false))
                {
                    _ = token;
                    times.Add(Stopwatch.GetTimestamp());
                    if (times.Count == 1)
                    {
                        Interlocked.Increment(ref begun);
                    }

                    if (Volatile.Read(ref begun) == streams && ++steps == UsualSteps
                        && Interlocked.Decrement(ref missing) == 0)
                    {
                        all.TrySetResult();
                    }
                }
            }
            catch (OperationCanceledException) when (all.Task.IsCompleted)
            {
                // The prompt has its first token.
            }
            catch (Exception e)
            {
                all.TrySetException(e);
                throw;
            }

            // At the end of the context before the last one began.
            if (steps < UsualSteps && Interlocked.Decrement(ref missing) == 0)
            {
                all.TrySetResult();
            }

            return times;
        }
    }

    /// <summary>
    /// Cancels a long prompt in its middle; seconds until the engine answers the next request, less its own time.
    /// </summary>
    public async Task<double> CancelAsync(int tokens, CancellationToken cancellationToken)
    {
        var usual = await FirstTokenAsync([0], cancellationToken).ConfigureAwait(false);
        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var prompt = FirstTokenAsync(NextPrompt(tokens), source.Token);
        await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(100, 300)), cancellationToken).ConfigureAwait(false);
        var started = Stopwatch.GetTimestamp();
        await source.CancelAsync().ConfigureAwait(false);
        await FirstTokenAsync([0], cancellationToken).ConfigureAwait(false);
        var free = Seconds(started, Stopwatch.GetTimestamp());
        try
        {
            await prompt.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (source.IsCancellationRequested)
        {
            // As it was meant to.
        }

        cancellationToken.ThrowIfCancellationRequested();
        return Math.Max(free - usual, 0);
    }

    private static double Usual(List<long>[] streams, long until)
    {
        double[] steps = [
            .. streams.SelectMany(times => times.Where(time => time <= until).TakeLast(UsualSteps).ToArray() switch
        {
            var last => last.Zip(last.Skip(1), Seconds),
        }).Order()];
        return steps.Length > 0 ? steps[steps.Length / 2] : throw new ArgumentException(
            $"Of '{streams.Length}' streams some come to the end of the context before all decode. Ask for shorter "
            + "prompts or fewer streams.");
    }

    // A pause that the arrival falls into counts too.
    private static double Longest(List<long>[] streams, long from, long to)
        => streams.Max(times => times.Zip(times.Skip(1)).Where(pair => pair.Second > from && pair.First < to)
            .Select(pair => Seconds(pair.First, pair.Second)).DefaultIfEmpty().Max());

    private static double Seconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds;

    /// <summary>Times of streams beside a prompt and of the prompt beside them, in seconds.</summary>
    /// <param name="FirstToken">The prompt's first token.</param>
    /// <param name="UsualStep">The median step of the streams before it.</param>
    /// <param name="LongestPause">Their longest pause until it had its first token.</param>
    public sealed record Arrival(double FirstToken, double UsualStep, double LongestPause);
}
