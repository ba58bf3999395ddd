namespace Slipway.Tests.Engine.Load;

/// <summary>Sends requests as their plans say: some at once, some after others.</summary>
internal static class LoadRun
{
    // A burst of so many finds the queue full before the first has a row.
    private const int MaxAtOnce = 48;

    /// <summary>Room for about five sequences at their longest, fewer rows than requests, small chunks.</summary>
    public static LanguageModelOptions Options(long tokenBytes, long rowBytes = 0) => new()
    {
        KeyValueCacheBytes = (tokenBytes * 600) + (rowBytes * 5),
        ContextLength = 128,
        MaxBatchSize = 9,
        QueueCapacity = MaxAtOnce - 2,
        MaxPrefillTokens = 16,
        MaxMixedPrefillTokens = 5,
        DraftBatchSize = 4,
        Threads = 2,
    };

    /// <summary>Runs all plans and counts their outcomes.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plans">The requests.</param>
    /// <param name="reference">Their answers.</param>
    /// <param name="random">Draws which earlier request one waits for.</param>
    public static async Task<Dictionary<LoadOutcome, int>> RunAsync(
        LanguageModel model, LoadPlan[] plans, LoadReference reference, Random random)
    {
        using var room = new SemaphoreSlim(MaxAtOnce);
        var tasks = new List<Task<LoadOutcome>>();
        foreach (var plan in plans)
        {
            await room.WaitAsync();
            tasks.Add(Task.Run(() => RunAsync(plan)));
            if (plan.Arrival == 0)
            {
                await Task.Yield();
            }
            else if (plan.Arrival == 1)
            {
                await tasks[random.Next(tasks.Count)];
            }
        }

        return (await Task.WhenAll(tasks)).CountBy(outcome => outcome).ToDictionary();

        async Task<LoadOutcome> RunAsync(LoadPlan plan)
        {
            try
            {
                return await plan.RunAsync(model, reference);
            }
            finally
            {
                room.Release();
            }
        }
    }
}
