using Slipway.Packaging;

namespace Slipway.Tests.Engine;

public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Requests = 400;
    private const int LongestAnswer = 24;
    private const float Decided = 1e-3f;

    /// <summary>Requests come and go at random on a budget that is too small for them.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Generate_RandomLoad_AnswersEachOnceWithItsTokens(int seed)
    {
        var random = new Random(seed);
        var package = PackageCases.Folder("qwen3-fp32");
        int[][] prompts = [.. Enumerable.Range(0, 24).Select(i => Prompt(random, i))];
        var alone = await AloneAsync(package, prompts);

        // Room for about five of these sequences at their longest.
        var bytes = TokenBytes(package) * 600;
        using var model = LanguageModel.Load(package, new()
        {
            KeyValueCacheBytes = bytes, ContextLength = 128, MaxBatchSize = 9, QueueCapacity = Requests,
            PrefillChunk = 16, SharedPrefillChunk = 5,
        });
        var plans = Enumerable.Range(0, Requests).Select(i => new Plan(
            random.Next(prompts.Length),
            random.Next(1, LongestAnswer + 1),
            random.Next(6) switch { 0 => random.Next(LongestAnswer), _ => null },
            random.Next(12) == 0 ? TimeSpan.FromMilliseconds(random.Next(1, 30)) : null,
            random.Next(3),
            random.Next(4))).ToArray();
        var tasks = new List<Task<string>>();
        foreach (var plan in plans)
        {
            tasks.Add(Task.Run(() => RunAsync(model, prompts[plan.Prompt], alone[plan.Prompt], plan)));
            if (plan.PauseBefore == 0)
            {
                await Task.Yield();
            }
            else if (plan.PauseBefore == 1)
            {
                await tasks[random.Next(tasks.Count)];
            }
        }

        var outcomes = await Task.WhenAll(tasks);
        var counts = outcomes.CountBy(outcome => outcome).ToDictionary();
        output.WriteLine(string.Join(", ", counts.Select(pair => $"{pair.Key}: {pair.Value}")));
        Assert.Equal(Requests, counts.Values.Sum());
        Assert.True(counts["complete"] >= Requests / 2);
        Assert.True(counts["cancelled"] > 0);

        // Nothing is left behind: it drains at once, and refuses then.
        await model.DrainAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => model.CollectAsync(new GenerationRequest { PromptIds = [3] }));
    }

    private static async Task<string> RunAsync(LanguageModel model, int[] prompt, List<GeneratedToken> alone, Plan plan)
    {
        using var source = new CancellationTokenSource();
        var request = new GenerationRequest
        {
            PromptIds = prompt,
            MaxOutputTokens = plan.Tokens,
            IgnoreEndOfSequence = true,
            Priority = plan.Priority,
            Timeout = plan.Timeout,
        };
        var (count, tied, ends) = (0, false, 0);
        try
        {
            if (plan.CancelAfter == 0)
            {
                await source.CancelAsync();
            }

            await foreach (var token in model.GenerateAsync(request, source.Token))
            {
                if (!tied && token.Id != alone[count].Id)
                {
                    // Once a near tie went the other way, the rest of the answer is another one.
                    Assert.InRange(Margin(alone[count]), 0, Decided);
                    tied = true;
                }

                ends += token.FinishReason is null ? 0 : 1;
                if (++count == plan.CancelAfter)
                {
                    await source.CancelAsync();
                }
            }
        }
        catch (OperationCanceledException) when (plan.CancelAfter is not null)
        {
            Assert.InRange(count, plan.CancelAfter.Value, plan.Tokens);
            return "cancelled";
        }
        catch (TimeoutException) when (plan.Timeout is not null)
        {
            return "timed out";
        }

        Assert.Equal(plan.Tokens, count);
        Assert.Equal(1, ends);
        return "complete";
    }

    private static async Task<List<GeneratedToken>[]> AloneAsync(string package, int[][] prompts)
    {
        using var model = LanguageModel.Load(package, new() { PrefixCacheBytes = 0 });
        var answers = new List<GeneratedToken>[prompts.Length];
        foreach (var (i, prompt) in prompts.Index())
        {
            answers[i] = await model.CollectAsync(new GenerationRequest
            {
                PromptIds = prompt, MaxOutputTokens = LongestAnswer, IgnoreEndOfSequence = true, LogProbabilities = 2,
            });
        }

        return answers;
    }

    private static float Margin(GeneratedToken token)
        => token.Alternatives[0].LogProbability - token.Alternatives[1].LogProbability;

    // Every other prompt begins like one before it.
    private static int[] Prompt(Random random, int index)
        => [.. Enumerable.Range(0, index % 2 == 0 ? 40 : 0).Select(i => 5 + (i * 3)),
            .. Enumerable.Range(0, random.Next(1, 50)).Select(_ => random.Next(3, 200))];

    private static long TokenBytes(string package)
    {
        var decoder = ModelPackage.Open(package).Config.Model.Decoder;
        return 2L * decoder.NumHiddenLayers * decoder.NumKeyValueHeads * decoder.HeadSize * sizeof(float);
    }

    private sealed record Plan(int Prompt, int Tokens, int? CancelAfter, TimeSpan? Timeout, int Priority, int PauseBefore);
}
