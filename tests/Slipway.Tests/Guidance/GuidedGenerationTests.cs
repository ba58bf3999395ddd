using System.Text.Json;
using DotNetRegex = System.Text.RegularExpressions.Regex;
using Slipway.Engine.Execution;

namespace Slipway.Tests.Guidance;

/// <summary>Asks a model of random weights for answers of a form, through requests of its own.</summary>
public sealed class GuidedGenerationTests(ITestOutputHelper output)
{
    private static readonly GuidanceGrammar Fixed = GuidanceGrammar.JsonSchema(
        """{"const":{"temperature":21.5,"unit":"degrees celsius","place":"the living room upstairs"}}""");

    [Theory]
    [InlineData(0)]
    [InlineData(1.5)]
    public async Task Answer_OfEveryKindOfGrammar_IsOfItsForm(double temperature)
    {
        using var model = Load();
        (GuidanceGrammar Grammar, Func<string, bool> IsValid)[] cases =
        [
            (GuidanceGrammar.Regex(@"[A-Z][a-z]{2,5} \d{3}(?:é|😀)!"),
            text => DotNetRegex.IsMatch(text, @"^[A-Z][a-z]{2,5} \d{3}(?:é|😀)!\z")),
            (GuidanceGrammar.Choice("north", "north-east", "日本"), text => text is "north" or "north-east" or "日本"),
            (GuidanceGrammar.Gbnf("root ::= \"(\" (root | [a-c]) \")\" {2}"),
                text => text.EndsWith("))", StringComparison.Ordinal)),
            (GuidanceGrammar.JsonSchema("""{"enum":[1,"two",[3]]}"""), text => JsonDocument.Parse(text) is not null),
            (Fixed, text => JsonDocument.Parse(text).RootElement.GetProperty("unit").GetString() == "degrees celsius"),
        ];

        var answers = await Task.WhenAll(
            cases.SelectMany((slot, i) => Enumerable.Range(0, 3).Select(seed => AnswerAsync(
            model,
            Request(slot.Grammar, seed) with { Sampling = new() { Temperature = temperature, Seed = seed + i } }))));

        for (var i = 0; i < answers.Length; i++)
        {
            var (text, reason, _) = answers[i];
            output.WriteLine(text);
            Assert.True(reason == FinishReason.Length || cases[i / 3].IsValid(text), text);
            Assert.True(reason == FinishReason.Stop || i / 3 == 2, text);
        }
    }

    [Fact]
    public async Task Tokens_ThatMustCome_AreRunTogether()
    {
        var counter = new Counter();
        using var model = Load(counter);

        var (text, reason, tokens) = await AnswerAsync(model, Request(Fixed, 0));

        output.WriteLine($"{tokens} tokens in {counter.Runs} runs: {text}");
        Assert.Equal(FinishReason.Stop, reason);
        Assert.InRange(counter.Runs, 1, tokens / 2);
    }

    [Fact]
    public async Task Tokens_ThatMustCome_InCompanyAndInLittleMemory_AreThoseOfOneAlone()
    {
        using var alone = Load();
        using var tight = LanguageModel.Load(
            PackageCases.Folder("llama-int4"),
            new() { KeyValueCacheBytes = 3 * 2 * 2 * 16 * 4 * 160 * 2, MaxBatchSize = 8 });
        var requests = Enumerable.Range(0, 10).Select(i => i % 3 == 2
            ? new GenerationRequest
            {
                PromptIds = [.. Enumerable.Range(3, 20 + i)], MaxOutputTokens = 60, IgnoreEndOfSequence = true,
            }
            : Request(Fixed, i) with { MaxOutputTokens = i % 2 == 0 ? null : 300 }).ToArray();
        var expected = new List<string>();
        foreach (var request in requests)
        {
            expected.Add((await AnswerAsync(alone, request)).Text);
        }

        var together = await Task.WhenAll(requests.Select(request => AnswerAsync(tight, request)));

        Assert.Equal(expected, together.Select(answer => answer.Text));
    }

    [Fact]
    public async Task LogProbabilities_OfTokensThatMustCome_AreToldForEach()
    {
        using var model = Load();

        var tokens = await model.CollectAsync(Request(Fixed, 0) with { LogProbabilities = 0 });

        Assert.All(tokens, token => Assert.NotNull(token.LogProbability));
    }

    [Fact]
    public void Guidance_OfAnAnswerThatMustNotEnd_IsRefused()
    {
        using var model = Load();

        var e = Assert.Throws<ArgumentException>(
            () => model.GenerateAsync(Request(Fixed, 0) with { IgnoreEndOfSequence = true }));
        Assert.StartsWith(
            "The request has Guidance and IgnoreEndOfSequence, but an answer that its grammar completes must end. "
            + "Leave IgnoreEndOfSequence unset.",
            e.Message);
    }

    private static LanguageModel Load(Counter? counter = null)
        => LanguageModel.Load(
            PackageCases.Folder("llama-int4"), null, decoder => counter is null
                ? decoder : new CountingDecoder(decoder, counter));

    private static GenerationRequest Request(GuidanceGrammar grammar, int seed)
        => new() { PromptIds = [5, 9, 20 + seed], MaxOutputTokens = 400, Guidance = grammar };

    private static async Task<(string Text, FinishReason? Reason, int Tokens)> AnswerAsync(
        LanguageModel model, GenerationRequest request)
    {
        var tokens = await model.CollectAsync(request);
        return (string.Concat(tokens.Select(token => token.Text)), tokens[^1].FinishReason, tokens.Count);
    }

    private sealed class Counter
    {
        public int Runs { get; set; }
    }

    private sealed class CountingDecoder(IDecoder inner, Counter counter) : IDecoder
    {
        public int Slots => inner.Slots;

        public int Capacity => inner.Capacity;

        public int MaxPrefillTokens => inner.MaxPrefillTokens;

        public int MaxScoredTokens => inner.MaxScoredTokens;

        public long BytesFor(int slots, int capacity) => inner.BytesFor(slots, capacity);

        public void Resize(int slots, int capacity, ReadOnlySpan<int> lengths)
            => inner.Resize(slots, capacity, lengths);

        public void ReadTokens(int slot, int start, int count, NativeBuffer destination)
            => inner.ReadTokens(slot, start, count, destination);

        public void WriteTokens(int slot, int start, int count, NativeBuffer source)
            => inner.WriteTokens(slot, start, count, source);

        public void CopySlot(int from, int to, int length) => inner.CopySlot(from, to, length);

        public ReadOnlySpan<float> Prefill(scoped in PrefillRun run)
        {
            counter.Runs++;
            return inner.Prefill(run);
        }

        public ReadOnlySpan<float> Decode(scoped in DecodeRun run)
        {
            counter.Runs++;
            return inner.Decode(run);
        }

        public void Terminate(bool value) => inner.Terminate(value);

        public void Dispose() => inner.Dispose();
    }
}
