using System.Diagnostics;

namespace Slipway.Evaluation.Bench;

/// <summary>Runs streams through the engine at once and notes when their tokens come.</summary>
internal sealed class BenchStreams
{
    private readonly LanguageModel _model;
    private readonly BenchOptions _options;
    private readonly Random _random;

    public BenchStreams(LanguageModel model, BenchOptions options)
    {
        _model = model;
        _options = options;
        _random = new Random(options.Seed);
        if (options.PromptTokens + options.NewTokens + 1 > model.ContextLength)
        {
            throw new ArgumentException(
                $"A prompt of '{options.PromptTokens}' tokens and '{options.NewTokens}' new ones need a context of "
                + $"'{options.PromptTokens + options.NewTokens + 1}'; the model has '{model.ContextLength}'. Ask for "
                + "fewer.",
                nameof(options));
        }
    }

    public int[] NextPrompt()
        => [.. Enumerable.Range(0, _options.PromptTokens).Select(_ => _random.Next(_model.VocabularySize))];

    public async Task AnswerOneTokenAsync(CancellationToken cancellationToken)
    {
        var request = new GenerationRequest { PromptIds = [0], MaxOutputTokens = 1 };
        await foreach (var token in _model.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
        {
            _ = token;
        }
    }

    /// <summary>Runs streams until each has given its tokens while all decoded.</summary>
    public async Task<BenchSample> RunAsync(int count, CancellationToken cancellationToken)
    {
        var prompts = Enumerable.Range(0, count).Select(_ => NextPrompt()).ToArray();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var state = new State(count);

        // Streams that begin early go on until the last has its tokens; then all of them are withdrawn.
        var limit = count == 1
            ? _options.NewTokens + 1
            : (int)Math.Min(_model.ContextLength - _options.PromptTokens, (4L * _options.NewTokens) + (8L * count));
        var started = Stopwatch.GetTimestamp();
        var tasks = prompts.Select(prompt => RunAsync(prompt, limit, state, enough)).ToArray();
        var times = await Task.WhenAll(tasks).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return new BenchSample(_options.PromptTokens, started, times);
    }

    private async Task<IReadOnlyList<long>> RunAsync(
        int[] prompt, int limit, State state, CancellationTokenSource enough)
    {
        var request = new GenerationRequest
        {
            PromptIds = prompt,
            MaxOutputTokens = limit,
            IgnoreEndOfSequence = true,
        };
        var times = new List<long>();
        var missing = _options.NewTokens;
        try
        {
            await foreach (var token in _model.GenerateAsync(request, enough.Token).ConfigureAwait(false))
            {
                times.Add(Stopwatch.GetTimestamp());
                if (times.Count == 1)
                {
                    state.Begin();
                }
                else if (state.AllBegan && --missing == 0 && state.End())
                {
                    await enough.CancelAsync().ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (state.AllEnded)
        {
            // The measurement is complete.
        }

        return times;
    }

    private sealed class State(int streams)
    {
        private int _waiting = streams;
        private int _running = streams;

        public bool AllBegan => Volatile.Read(ref _waiting) == 0;

        public bool AllEnded => Volatile.Read(ref _running) == 0;

        public void Begin() => Interlocked.Decrement(ref _waiting);

        public bool End() => Interlocked.Decrement(ref _running) == 0;
    }
}
