namespace Slipway.Tests.Engine.Load;

/// <summary>What one request of a simulation does.</summary>
/// <param name="Case">The request.</param>
/// <param name="Tokens">Its longest answer.</param>
/// <param name="CancelAfter">Tokens after which its caller loses interest; null for never.</param>
/// <param name="Timeout">Its time; null for no limit.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="DraftTokens">How many tokens it guesses ahead.</param>
/// <param name="Arrival">0 lets others run before the next request comes, 1 waits for an earlier one to end.</param>
internal sealed record LoadPlan(
    LoadCase Case,
    int Tokens,
    int? CancelAfter,
    TimeSpan? Timeout,
    int Priority,
    int DraftTokens,
    int Arrival)
{
    private const double Decided = 1e-3;

    public static LoadPlan[] Draw(Random random, int count, LoadCase[] cases)
        => [.. Enumerable.Range(0, count).Select(_ => new LoadPlan(
            cases[random.Next(cases.Length)],
            random.Next(1, LoadCase.LongestAnswer + 1),
            random.Next(6) == 0 ? random.Next(LoadCase.LongestAnswer) : null,
            random.Next(12) == 0 ? TimeSpan.FromMilliseconds(random.Next(1, 30)) : null,
            random.Next(3),
            random.Next(3) == 0 ? random.Next(1, 9) : 0,
            random.Next(4)))];

    /// <summary>Sends the request, holds its answer to the one alone and tells how it ended.</summary>
    public async Task<LoadOutcome> RunAsync(LanguageModel model, LoadReference reference)
    {
        using var source = new CancellationTokenSource();
        var request = Case.Request(Tokens) with 
        {
            Priority = Priority, Timeout = Timeout, DraftTokens = DraftTokens,
        };
        var expected = reference[Case].AsMemory(0, Math.Min(Tokens, reference[Case].Length));
        var (count, tied, ends) = (0, false, 0);
        try
        {
            if (CancelAfter == 0)
            {
                await source.CancelAsync();
            }

            await foreach (var token in model.GenerateAsync(request, source.Token))
            {
                Assert.Equal(0, ends);
                if (!tied && token.Id != expected.Span[count])
                {
                    // Once a near tie went the other way, the rest of the answer is another one.
                    Assert.InRange(
                        await reference.MarginAsync(Case, count, token.Id), double.NegativeInfinity, Decided);
                    tied = true;
                }

                ends += token.FinishReason is null ? 0 : 1;
                if (++count == CancelAfter)
                {
                    await source.CancelAsync();
                }
            }
        }
        catch (OperationCanceledException) when (CancelAfter is not null)
        {
            Assert.InRange(count, CancelAfter.Value, Tokens);
            return LoadOutcome.Cancelled;
        }
        catch (TimeoutException) when (Timeout is not null)
        {
            return LoadOutcome.TimedOut;
        }
        catch (QueueFullException)
        {
            Assert.Equal(0, count);
            return LoadOutcome.Refused;
        }

        Assert.True(tied || count == expected.Length, $"{count} tokens; {expected.Length} expected");
        Assert.Equal(1, ends);
        return tied ? LoadOutcome.Tied : LoadOutcome.Complete;
    }
}

/// <summary>How a request ended; each ends in one way.</summary>
internal enum LoadOutcome
{
    Complete,
    Tied,
    Cancelled,
    TimedOut,
    Refused,
}
