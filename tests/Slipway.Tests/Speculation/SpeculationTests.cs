using Slipway.Tests.Engine;

namespace Slipway.Tests.Speculation;

/// <summary>What requests with drafts give, beside what they give without.</summary>
public sealed class SpeculationTests(ITestOutputHelper output)
{
    private static readonly int[] Prompt = [11, 12, 13, 14, 15, 16, 17, 18, 11, 12, 13];

    public static TheoryData<string, SamplingOptions> Samplings => new()
    {
        { "greedy", new() },
        { "drawn", new() { Temperature = 0.5 } },
        { "cut off", new() { Temperature = 0.8, TopK = 20, TopP = 0.9, MinP = 0.02, TypicalP = 0.95 } },
        { "penalties", new() { RepetitionPenalty = 1.1, PresencePenalty = 0.2, FrequencyPenalty = 0.1 } },
        { "dry", new() { Temperature = 0.4, DryMultiplier = 0.6, DryAllowedLength = 4 } },
        { "xtc", new() { Temperature = 0.5, XtcProbability = 0.3, XtcThreshold = 0.05 } },
        { "mirostat", new() { Temperature = 0.7, MirostatTarget = 2 } },
        { "bans", new() { NoRepeatNgramSize = 9, BadWords = [[14, 15], [30]] } },
    };

    [Theory]
    [MemberData(nameof(Samplings), DisableDiscoveryEnumeration = true)]
    public async Task Generate_Scripted_GivesTheTokensOfThePlainRun(string name, SamplingOptions sampling)
    {
        using var model = Load(Copies);
        var drafted = 0;
        var accepted = 0;
        for (var seed = 0; seed < 8; seed++)
        {
            var request = Request(0) with { Sampling = sampling with { Seed = seed }, LogProbabilities = 1 };
            var expected = await model.CollectAsync(request);
            var tokens = await model.CollectAsync(request with { DraftTokens = 8 });
            AssertSame(expected, tokens);
            drafted += tokens[^1].Usage!.DraftedTokens;
            accepted += tokens[^1].Usage!.AcceptedTokens;
        }

        output.WriteLine($"{name}: {accepted} of {drafted} drafts were right");
        Assert.InRange(accepted, 1, drafted);
    }

    [Fact]
    public async Task Generate_ManyAtOnce_GivesTheTokensOfEachAlone()
    {
        using var model = Load(
            Copies, new() { DraftBatchSize = 32, MaxBatchSize = 7, MaxPrefillTokens = 5, MaxMixedPrefillTokens = 3 });
        var requests = Enumerable.Range(0, 40).Select(i => Request(8) with
        {
            PromptIds = [.. Enumerable.Range(0, i % 5).Select(j => 60 + j), .. Prompt],
            MaxOutputTokens = 1 + (i * 11 % 60),
            DraftTokens = i % 3 == 0 ? 0 : 1 + (i % 9),
            Sampling = new() { Temperature = i % 2 * 0.5, Seed = i },
        }).ToArray();
        var together = await Task.WhenAll(requests.Select(request => Task.Run(() => model.CollectAsync(request))));
        foreach (var (request, tokens) in requests.Zip(together))
        {
            AssertSame(await model.CollectAsync(request with { DraftTokens = 0 }), tokens);
        }

        Assert.True(together.Sum(tokens => tokens[^1].Usage!.AcceptedTokens) > 0);
    }

    [Fact]
    public async Task Generate_BudgetTooSmallForAll_ComputesAgainWithTheSameTokens()
    {
        using var alone = Load(Copies);
        var requests = Enumerable.Range(0, 9).Select(i => Request(6) with
        {
            PromptIds = [70 + i, .. Prompt], MaxOutputTokens = i % 2 == 0 ? null : 80,
        }).ToArray();
        var expected = new List<List<GeneratedToken>>();
        foreach (var request in requests)
        {
            expected.Add(await alone.CollectAsync(request with { DraftTokens = 0 }));
        }

        using var tight = Load(Copies, new()
        {
            DraftBatchSize = 32,
            KeyValueCacheBytes = ScriptedDecoder.TokenBytes * 128 * 3,
            PrefixCacheBytes = 0,
            MaxBatchSize = 9,
        });
        var answers = await Task.WhenAll(requests.Select(request => tight.CollectAsync(request)));
        foreach (var (answer, tokens) in expected.Zip(answers))
        {
            AssertSame(answer, tokens);
        }
    }

    [Fact]
    public async Task Generate_AnswerRepeatsItsPrompt_TakesFewerRuns()
    {
        ScriptedDecoder? decoder = null;
        using var model = LanguageModel.Load(
            PackageCases.Folder("llama-int4"), null, inner => decoder = new ScriptedDecoder(inner, Copies));
        var request = Request(0);
        await model.CollectAsync(request);
        var plain = decoder!.Runs;
        var tokens = await model.CollectAsync(request with { DraftTokens = 8 });
        var usage = tokens[^1].Usage!;
        output.WriteLine(
            $"{plain} runs without, {decoder.Runs - plain} with; {usage.AcceptedTokens} of {usage.DraftedTokens}");
        Assert.Equal(tokens.Count, plain);
        Assert.InRange(decoder.Runs - plain, 1, plain / 2);
        Assert.True(usage.AcceptedTokens >= tokens.Count / 2);
    }

    [Fact]
    public async Task Generate_StopInsideAGuess_EndsThereAndKeepsWhatIsRight()
    {
        using var model = Load(Copies);
        var plain = await model.CollectAsync(Request(0) with { IncludeSpecialTokens = true });
        var stops = 0;
        foreach (var stop in plain.Select(token => token.Id).Distinct())
        {
            var request = Request(0) with { StopTokenIds = [stop] };
            AssertSame(await model.CollectAsync(request), await model.CollectAsync(request with { DraftTokens = 8 }));
            stops++;
        }

        foreach (var text in plain.Select(token => token.Text).Where(text => text.Length > 1).Distinct())
        {
            var request = Request(0) with { IncludeSpecialTokens = true, StopSequences = [text[..^1]] };
            AssertSame(await model.CollectAsync(request), await model.CollectAsync(request with { DraftTokens = 8 }));
            stops++;
        }

        output.WriteLine($"{stops} stops");

        // What the drafts left in the prefix cache must not show in a later turn.
        int[] turn = [.. Prompt, .. plain.Select(token => token.Id), 40, 41];
        AssertSame(
            await model.CollectAsync(Request(0) with { PromptIds = turn }),
            await model.CollectAsync(Request(8) with { PromptIds = turn }));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.9)]
    public async Task Generate_GuidanceForcesTokens_GivesTheTokensOfThePlainRun(double temperature)
    {
        using var model = Load(Copies);
        var grammar = GuidanceGrammar.Regex("(name=(ab|cd|ee); ){3,12}");
        var drafted = 0;
        for (var seed = 0; seed < 6; seed++)
        {
            var request = Request(0) with
            {
                Guidance = grammar, IgnoreEndOfSequence = false, Sampling = new()
                {
                    Temperature = temperature, Seed = seed,
                },
            };
            var tokens = await model.CollectAsync(request with { DraftTokens = 8 });
            AssertSame(await model.CollectAsync(request), tokens);
            drafted += tokens[^1].Usage!.DraftedTokens;
        }

        Assert.True(drafted > 0);
    }

    [Fact]
    public async Task Generate_Processors_SeeEveryTokenOnceInOrder()
    {
        using var model = Load(Copies);
        var watcher = new Watcher();
        var tokens = await model.CollectAsync(Request(8) with { LogitsProcessors = [watcher] });
        Assert.Equal(tokens.Count, watcher.Calls);
        Assert.Equal(tokens.SkipLast(1).Select(token => token.Id), watcher.Last);
        Assert.True(tokens[^1].Usage!.AcceptedTokens > 0);
    }

    [Fact]
    public async Task Generate_ModelThatCarriesStates_GuessesNothing()
    {
        using var model = LanguageModel.Load(
            PackageCases.Folder("llama-int4"), null,
            inner => new ScriptedDecoder(inner, Copies) { CanEvictTokens = false });
        Assert.Equal(0, (await model.CollectAsync(Request(8)))[^1].Usage!.DraftedTokens);
    }

    [Fact]
    public async Task Generate_MoreDecodeThanTheBatchThatGuesses_GuessesNothing()
    {
        using var model = Load(Copies, new() { DraftBatchSize = 0 });
        Assert.Equal(0, (await model.CollectAsync(Request(8)))[^1].Usage!.DraftedTokens);
    }

    [Fact]
    public async Task Generate_TwoSetsOfRotaryFrequencies_ChecksNoGuessAcrossTheSwitch()
    {
        // The decoder fails a run whose tokens have not all the frequencies of the row's first ones.
        using var model = LanguageModel.Load(
            PackageCases.Folder("llama-int4"), null,
            inner => new ScriptedDecoder(inner, Copies) { LongRopeThreshold = 40 });
        var tokens = await model.CollectAsync(Request(8));
        AssertSame(await model.CollectAsync(Request(0)), tokens);
        Assert.True(tokens[^1].Usage!.AcceptedTokens > 0);
    }

    /// <summary>
    /// A prompt as long as the first set of rotary frequencies is for has its first token by them, and no other.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    public async Task Generate_PromptAsLongAsTheLongRopeThreshold_IsComputedAgainWithTheSecondFrequencies(
        int draftTokens)
    {
        using var model = LanguageModel.Load(
            PackageCases.Folder("llama-int4"), null,
            inner => new ScriptedDecoder(inner, Copies) { LongRopeThreshold = Prompt.Length });
        using var plain = Load(Copies);
        AssertSame(await plain.CollectAsync(Request(0)), await model.CollectAsync(Request(draftTokens)));
    }

    [Theory]
    [InlineData("llama-int4")]
    [InlineData("qwen3-fp32")]
    [InlineData("granite-int4")]
    public async Task Generate_PackageOfGenAI_GivesTheTokensOfThePlainRun(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder(name), new() { DraftTokens = 6 });
        var (drafted, accepted) = (0, 0);
        foreach (var item in PackageCases.Read(name))
        {
            // A second turn that begins like the first, so that there is something to draft.
            var request = new GenerationRequest
            {
                PromptIds = [.. item.PromptIds, .. item.OutputIds, .. item.PromptIds],
                MaxOutputTokens = 40,
                IgnoreEndOfSequence = true,
            };
            var tokens = await model.CollectAsync(request);
            Assert.Equal(request.MaxOutputTokens, tokens.Count);
            await AnswerAssert.IsChosenAsync(
                model, request, [.. tokens.Select(token => token.Id)], PackageCases.Margin(name));
            drafted += tokens[^1].Usage!.DraftedTokens;
            accepted += tokens[^1].Usage!.AcceptedTokens;
        }

        output.WriteLine($"{name}: {accepted} of {drafted} drafts were right");
        Assert.InRange(accepted, 0, drafted);
        Assert.True(drafted > 0);
    }

    [Fact]
    public async Task DraftTokens_OutOfRange_IsRefused()
    {
        using var model = Load(Copies);
        var error = Assert.Throws<ArgumentException>(() => model.GenerateAsync(Request(65)));
        Assert.Equal(
            "DraftTokens is '65'; expected 0 to 64, or null for the model's own. (Parameter 'request')", error.Message);
        await Assert.ThrowsAsync<ArgumentException>(() => Task.Run(() => Load(Copies, new() { DraftTokens = -1 })));
    }

    private static LanguageModel Load(ScriptedDecoder.Script script, LanguageModelOptions? options = null)
        => LanguageModel.Load(PackageCases.Folder("llama-int4"), options, inner => new ScriptedDecoder(inner, script));

    private static GenerationRequest Request(int draftTokens) => new()
    {
        PromptIds = Prompt, MaxOutputTokens = 60, IgnoreEndOfSequence = true, DraftTokens = draftTokens,
    };

    // Mostly the token after the last one in a cycle, at times another that the tokens so far decide.
    private static void Copies(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        var last = tokens[^1];
        var random = new Random((last * 31) + (tokens.Length / 12));
        for (var id = 0; id < logits.Length; id++)
        {
            logits[id] = random.NextSingle();
        }

        logits[last is >= 11 and < 18 ? last + 1 : 11] += 6;
        if (tokens.Length % 13 == 0)
        {
            logits[30 + (tokens.Length % 3)] += 7;
        }
    }

    private static void AssertSame(List<GeneratedToken> expected, List<GeneratedToken> tokens)
    {
        Assert.Equal(expected.Select(token => token.Id), tokens.Select(token => token.Id));
        Assert.Equal(expected.Select(token => token.Text), tokens.Select(token => token.Text));
        Assert.Equal(expected.Select(token => token.LogProbability), tokens.Select(token => token.LogProbability));
        Assert.Equal(expected[^1].FinishReason, tokens[^1].FinishReason);
        Assert.Equal(expected[^1].Usage!.OutputTokens, tokens[^1].Usage!.OutputTokens);
    }

    private sealed class Watcher : ILogitsProcessor
    {
        public int Calls { get; private set; }

        public int[] Last { get; private set; } = [];

        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        {
            Assert.Equal(Calls++, outputIds.Length);
            Assert.Equal(Last, outputIds[..Last.Length].ToArray());
            Last = outputIds.ToArray();
        }
    }
}
