using Slipway.Engine.Cache;
using Slipway.Engine.Execution;


namespace Slipway.Tests.Engine.Cache;

public sealed class PrefixCacheTests(ITestOutputHelper output)
{
    private const int Block = PrefixCache.BlockTokens;

    [Theory]
    [InlineData("llama-int4")]
    [InlineData("qwen3-fp32")]
    public async Task Generate_PromptThatBeginsLikeAnother_ComputesTheRestOnly(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder(name));
        using var without = LanguageModel.Load(PackageCases.Folder(name), new() { PrefixCacheBytes = 0 });
        int[] first = [.. Enumerable.Range(0, 75).Select(i => 3 + (i * 7 % 90))];
        var answer = await model.CollectAsync(Request(first));
        Assert.Equal(0, answer[^1].Usage!.CachedTokens);

        // The second turn: prompt, answer and a new question.
        int[] second = [.. first, .. answer.Select(token => token.Id), 40, 41, 42];
        var turn = await model.CollectAsync(Request(second));
        Assert.Equal((first.Length + answer.Count - 1) / Block * Block, turn[^1].Usage!.CachedTokens);
        var expected = await without.CollectAsync(Request(second));
        Assert.Equal(0, expected[^1].Usage!.CachedTokens);
        await AnswerAssert.IsChosenAsync(without, Request(second), Ids(turn), PackageCases.Margin(name));
        var max = expected.Zip(turn).TakeWhile(pair => pair.First.Id == pair.Second.Id)
            .Max(pair => Math.Abs(pair.First.LogProbability!.Value - pair.Second.LogProbability!.Value));
        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, name == PackageCases.Exact ? 1e-4 : PackageCases.Margin(name));

        // A fork of the conversation, and the very same prompt: its last token must be computed.
        var fork = await model.CollectAsync(Request([.. first[..70], 9, 9, 9]));
        Assert.Equal(70 / Block * Block, fork[^1].Usage!.CachedTokens);
        var again = await model.CollectAsync(Request(first[..(2 * Block)]));
        Assert.Equal(Block, again[^1].Usage!.CachedTokens);
    }

    [Fact]
    public async Task Generate_SamePromptAtOnce_SharesItsPrefill()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        var request = Request([.. Enumerable.Range(3, 70)]);
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => model.CollectAsync(request)));
        Assert.Equal([0, 64, 64, 64, 64], answers.Select(tokens => tokens[^1].Usage!.CachedTokens).Order());
        Assert.All(answers, tokens => Assert.Equal(Ids(answers[0]), Ids(tokens)));
    }

    [Fact]
    public async Task Score_KnownPrompt_IsComputedInFull()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        int[] ids = [.. Enumerable.Range(3, 70)];
        var before = await model.ScoreAsync(ids);
        await model.CollectAsync(Request(ids));
        Assert.Equal(before, await model.ScoreAsync(ids));
    }

    [Fact]
    public void Restore_RandomSequences_GivesWhatWasStoredWithinTheLimit()
    {
        var decoder = new TokenSlot();
        using var cache = new PrefixCache(decoder) { Limit = 9 * Block * sizeof(int) };
        var random = new Random(5);
        var hits = 0;
        for (var round = 0; round < 3000; round++)
        {
            // Few different blocks, so that prefixes are often the same.
            int[] tokens = [.. Enumerable.Range(0, random.Next(1, 4 * Block))
                .Select(i => random.NextDouble() < 0.005 ? random.Next(5) : i / Block)];
            decoder.Cells.AsSpan().Fill(-1);
            var known = cache.Restore(0, tokens, adapter: 0);
            Assert.InRange(known, 0, tokens.Length - 1);
            Assert.Equal(tokens[..known], decoder.Cells[..known]);
            hits += known;
            tokens.CopyTo(decoder.Cells, 0);
            cache.Store(0, tokens, adapter: 0);
            Assert.InRange(cache.Bytes, 0, cache.Limit);
            if (round % 100 == 0)
            {
                cache.Limit = random.Next(12) * Block * sizeof(int);
                Assert.InRange(cache.Bytes, 0, cache.Limit);
            }
        }

        output.WriteLine($"{hits} tokens were known");
        Assert.InRange(hits, 10_000, int.MaxValue);
    }

    [Fact]
    public void Store_BeyondTheLimit_DropsTheLeastRecentlyUsed()
    {
        var decoder = new TokenSlot();
        using var cache = new PrefixCache(decoder) { Limit = 2 * Block * sizeof(int) };
        int[] a = [.. Enumerable.Repeat(1, Block)], b = [.. Enumerable.Repeat(2, Block)],
            c = [.. Enumerable.Repeat(3, Block)];
        cache.Store(0, a, adapter: 0);
        cache.Store(0, b, adapter: 0);
        Assert.Equal(Block, cache.Restore(0, [.. a, 0], adapter: 0));
        cache.Store(0, c, adapter: 0);
        Assert.Equal(0, cache.Restore(0, [.. b, 0], adapter: 0));
        Assert.Equal(Block, cache.Restore(0, [.. a, 0], adapter: 0));
        Assert.Equal(Block, cache.Restore(0, [.. c, 0], adapter: 0));
    }

    [Fact]
    public void Restore_OtherAdapter_KnowsNothing()
    {
        var decoder = new TokenSlot();
        using var cache = new PrefixCache(decoder) { Limit = 4 * Block * sizeof(int) };
        int[] tokens = [.. Enumerable.Repeat(1, Block)];
        cache.Store(0, tokens, adapter: 1);
        Assert.Equal(0, cache.Restore(0, [.. tokens, 0], adapter: 0));
        Assert.Equal(0, cache.Restore(0, [.. tokens, 0], adapter: 2));
        Assert.Equal(Block, cache.Restore(0, [.. tokens, 0], adapter: 1));
    }

    private static GenerationRequest Request(int[] prompt)
        => new() { PromptIds = prompt, MaxOutputTokens = 30, IgnoreEndOfSequence = true, LogProbabilities = 0 };

    private static int[] Ids(List<GeneratedToken> tokens) => [.. tokens.Select(token => token.Id)];

    /// <summary>One slot whose keys and values are the token ids themselves.</summary>
    private sealed class TokenSlot : IDecoder
    {
        public int[] Cells { get; } = new int[4 * Block];

        public int Slots => 1;

        public int Capacity => Cells.Length;

        public int MaxPrefillTokens => 1;

        public int MaxScoredTokens => 1;

        public long BytesFor(int slots, int capacity) => (long)slots * capacity * sizeof(int);

        public void ReadTokens(int slot, int start, int count, NativeBuffer destination)
            => Cells.AsSpan(start, count).CopyTo(destination.AsSpan<int>(0, count));

        public void WriteTokens(int slot, int start, int count, NativeBuffer source)
            => source.AsSpan<int>(0, count).CopyTo(Cells.AsSpan(start, count));

        public void CopySlot(int from, int to, int length) => throw new InvalidOperationException();

        public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths) => throw new InvalidOperationException();

        public ReadOnlySpan<float> Prefill(scoped in PrefillRun run)
            => throw new InvalidOperationException();

        public ReadOnlySpan<float> Decode(scoped in DecodeRun run)
            => throw new InvalidOperationException();

        public void Terminate(bool terminate) => throw new InvalidOperationException();

        public void Dispose() => throw new InvalidOperationException();
    }
}
