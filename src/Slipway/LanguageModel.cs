using Microsoft.ML.OnnxRuntime;
using Slipway.Chat;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Engine.Scheduling;
using Slipway.Generation;
using Slipway.Guidance;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway;

/// <summary>Runs a language model from a package folder.</summary>
/// <remarks>
/// All members are safe for concurrent use: requests that come together are computed together, by one thread of the
/// model's own. Dispose the model when it is no longer needed; requests in flight then end with
/// <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed class LanguageModel : IDisposable, IAsyncDisposable
{
    private readonly LoadedModel _loaded;
    private readonly RequestGate _gate = new();
    private readonly TokenGenerator _generator;
    private readonly ParallelAnswers _answers;
    private readonly TokenScorer _scorer;
    private readonly BeamSearcher _beams;
    private readonly Lazy<ChatTemplate?> _chatTemplate;
    private int _disposed;

    private LanguageModel(LoadedModel loaded)
    {
        _loaded = loaded;
        _generator = new TokenGenerator(loaded, _gate);
        _answers = new ParallelAnswers(_generator);
        _scorer = new TokenScorer(loaded, _gate);
        _beams = new BeamSearcher(loaded, _gate);
        _chatTemplate = new(() => PackageTemplates.Read(loaded.Package).Template(withTools: false));
    }

    /// <summary>The package that the model was loaded from.</summary>
    public ModelPackage Package => _loaded.Package;

    /// <summary>The package's tokenizer.</summary>
    /// <exception cref="NotSupportedException">The package has no <c>tokenizer.json</c>; only ids can be
    /// used.</exception>
    public HuggingFaceTokenizer Tokenizer => _loaded.Tokenizer;

    /// <summary>The package's chat template, of several the one called 'default'; null where it has none.</summary>
    /// <remarks>Read at the first use.</remarks>
    /// <exception cref="PackageException">The file that holds it is malformed.</exception>
    /// <exception cref="ChatTemplateException">The template's syntax is wrong.</exception>
    public ChatTemplate? ChatTemplate => _chatTemplate.Value;

    /// <summary>Names what runs the model: <c>cpu</c>, or a GPU's provider and device, such as <c>cuda:0</c>.</summary>
    public string ExecutionProvider => _loaded.ExecutionProvider;

    /// <summary>
    /// Names whose kernels compute: <c>Slipway's</c> with the instructions that they use, or <c>ONNX Runtime's</c>.
    /// </summary>
    public string Kernels => _loaded.Kernels;

    /// <summary>The longest sequence in tokens, prompt and answer together.</summary>
    public int ContextLength => _loaded.ContextLength;

    /// <summary>Entries of the vocabulary, the last dimension of the logits.</summary>
    public int VocabularySize => _loaded.VocabularySize;

    /// <summary>The LoRA adapters that requests can choose between.</summary>
    public IReadOnlyList<string> Adapters => _loaded.AdapterNames;

    /// <summary>The session and the graph in it, where this library's own engine runs it; null elsewhere.</summary>
    internal (InferenceSession Session, DecoderGraph Graph)? Graph => _loaded.Graph;

    /// <summary>Bytes of a sequence's keys, values and states.</summary>
    internal SequenceSize Size => _loaded.Size;

    /// <summary>Compiled parts of grammars of answers.</summary>
    internal GuidanceCache Guidance => _loaded.Guidance;

    /// <summary>Requests that wait.</summary>
    internal int Queued => _loaded.Engine.Queued;

    /// <summary>Tells whether a further request would be refused.</summary>
    internal bool IsQueueFull => Queued >= _loaded.Options.QueueCapacity;

    /// <summary>Bytes of keys and values, known prefixes included.</summary>
    internal long KeyValueBytes => _loaded.Engine.KeyValueBytes;

    /// <summary>Loads a model.</summary>
    /// <param name="packageFolder">The package folder.</param>
    /// <param name="options">How to load it; null for the defaults.</param>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    /// <exception cref="NotSupportedException">The graph has inputs that a decoder does not have, or none of the
    /// execution providers can run it.</exception>
    /// <exception cref="ArgumentException">An option has no possible value, or needs more memory than is
    /// free.</exception>
    public static LanguageModel Load(string packageFolder, LanguageModelOptions? options = null)
        => Load(packageFolder, options, decoder => decoder);

    /// <summary>Loads a model whose decoder is wrapped, which lets tests inject faults.</summary>
    internal static LanguageModel Load(
        string packageFolder,
        LanguageModelOptions? options,
        Func<IDecoder, IDecoder> wrap)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(packageFolder);
        var checkedOptions = options ?? new LanguageModelOptions();
        OptionsValidation.Validate(checkedOptions);
        var package = ModelPackage.Open(packageFolder, checkedOptions.Verification);
        return new LanguageModel(new LoadedModel(package, checkedOptions, wrap));
    }

    /// <summary>Continues a prompt, token by token.</summary>
    /// <remarks>
    /// The request is checked at the call and enters the queue when the enumeration begins. Leaving the enumeration
    /// early cancels it. Requests whose prompts have the same prefix compute it once, also when they come
    /// together, and so do several answers to one prompt.
    /// </remarks>
    /// <param name="request">What to continue and how.</param>
    /// <param name="cancellationToken">Ends the request between tokens and in the middle of its prefill.</param>
    /// <returns>The tokens; the last one carries the finish reason and the usage.</returns>
    /// <exception cref="ArgumentException">The request cannot be served; the message says what would be.</exception>
    /// <exception cref="QueueFullException">Too many requests wait (thrown by the enumeration).</exception>
    /// <exception cref="TimeoutException">The request's time is over (thrown by the enumeration).</exception>
    /// <exception cref="InvalidOperationException">The model is being drained (thrown by the enumeration).</exception>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        GenerationRequest request,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        RequestValidation.Validate(request, ContextLength, VocabularySize);
        _loaded.RequireAdapter(request.Adapter, nameof(request));
        if (request.StopSequences.Count > 0 || request.Guidance is not null)
        {
            _ = Tokenizer;
        }

        return request.NumReturnSequences == 1
            ? _generator.GenerateAsync(request, cancellationToken)
            : _answers.GenerateAsync(request, cancellationToken);
    }

    /// <summary>Searches for the most probable continuations of a prompt.</summary>
    /// <remarks>
    /// In each step every beam is a request of its own, which takes what it has in common with earlier ones from the
    /// prefix cache and computes the rest, up to a block of it; without a cache, or where layers carry a state, it
    /// computes all.
    /// </remarks>
    /// <param name="request">What to continue and how.</param>
    /// <param name="cancellationToken">Ends the search, also in the middle of its prefill.</param>
    /// <returns>The answers, best first.</returns>
    /// <exception cref="ArgumentException">The request cannot be served; the message says what would be.</exception>
    /// <exception cref="QueueFullException">Too many requests wait.</exception>
    /// <exception cref="InvalidOperationException">The model is being drained.</exception>
    public async Task<IReadOnlyList<BeamAnswer>> BeamSearchAsync(
        BeamSearchRequest request,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        RequestValidation.Validate(request, ContextLength, VocabularySize);
        return await _beams.SearchAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a sequence once and returns the logits of every position.</summary>
    /// <param name="ids">Token ids; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Logits of every position; <c>4 · positions · vocabulary</c> bytes.</returns>
    /// <exception cref="ArgumentException">There are no ids, too many, or one outside the vocabulary.</exception>
    public Task<TokenLogits> ForwardAsync(IReadOnlyList<int> ids, CancellationToken cancellationToken = default)
        => ForwardAsync(ids, adapter: null, cancellationToken);

    /// <summary>Runs a sequence once with an adapter and returns the logits of every position.</summary>
    /// <param name="ids">Token ids; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="adapter">One of <see cref="Adapters"/>; null for the model alone.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Logits of every position; <c>4 · positions · vocabulary</c> bytes.</returns>
    /// <exception cref="ArgumentException">
    /// There are no ids, too many, or one outside the vocabulary; or there is no such adapter.
    /// </exception>
    public async Task<TokenLogits> ForwardAsync(
        IReadOnlyList<int> ids,
        string? adapter,
        CancellationToken cancellationToken = default)
    {
        RequestValidation.ValidateIds(ids, ContextLength, VocabularySize, nameof(ids));
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return await _scorer.ForwardAsync(ids, adapter, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells how probable each token of a sequence is after those before it.</summary>
    /// <param name="ids">Token ids; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Natural log-probabilities of the second token to the last: one fewer than ids.</returns>
    /// <exception cref="ArgumentException">There are no ids, too many, or one outside the vocabulary.</exception>
    public async Task<float[]> ScoreAsync(IReadOnlyList<int> ids, CancellationToken cancellationToken = default)
        => [.. (await ScoreAsync(ids, 0, cancellationToken).ConfigureAwait(false)).Select(
            score => score.LogProbability)];

    /// <summary>
    /// Tells how probable each token of a sequence is after those before it, and which would be more so.
    /// </summary>
    /// <param name="ids">Token ids, such as a prompt's; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="alternatives">How many of the most probable tokens to tell at each position, 0 to 100.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>The scores of the second token to the last: one fewer than ids.</returns>
    /// <exception cref="ArgumentException">
    /// There are no ids, too many, or one outside the vocabulary; or the number of alternatives is out of range.
    /// </exception>
    public async Task<IReadOnlyList<TokenScore>> ScoreAsync(
        IReadOnlyList<int> ids,
        int alternatives,
        CancellationToken cancellationToken = default)
    {
        RequestValidation.ValidateIds(ids, ContextLength, VocabularySize, nameof(ids));
        RequestValidation.ValidateAlternatives(alternatives, nameof(alternatives));
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return await _scorer.ScoreAsync(ids, alternatives, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Tells how probable each token of a continuation is after a prompt and those before it.</summary>
    /// <remarks>Continuations of the same prompt compute it once, up to a block of the prefix cache.</remarks>
    /// <param name="ids">Token ids of prompt and continuation; at most <see cref="ContextLength"/>.</param>
    /// <param name="promptLength">The prompt's tokens, from 1 to one fewer than ids.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>The natural log-probability of each token after the prompt.</returns>
    /// <exception cref="ArgumentException">
    /// There are no ids, too many, or one outside the vocabulary; or prompt or continuation is empty.
    /// </exception>
    public async Task<float[]> ScoreContinuationAsync(
        IReadOnlyList<int> ids,
        int promptLength,
        CancellationToken cancellationToken = default)
    {
        RequestValidation.ValidateIds(ids, ContextLength, VocabularySize, nameof(ids));
        if (promptLength < 1 || promptLength >= ids.Count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(promptLength), promptLength,
                $"The prompt has {promptLength} of {ids.Count} tokens; expected from 1 to {ids.Count - 1}, so that "
                + "there is something to predict and something to predict it from.");
        }

        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return await _scorer.ScoreContinuationAsync(ids, promptLength, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a sequence and makes something of the logits after its last token.</summary>
    /// <param name="ids">Token ids; at least one, at most <see cref="ContextLength"/>.</param>
    /// <param name="read">Makes the result, on the engine's thread.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    internal Task<T> LastLogitsAsync<T>(
        IReadOnlyList<int> ids, LastLogits<T> read, CancellationToken cancellationToken)
    {
        RequestValidation.ValidateIds(ids, ContextLength, VocabularySize, nameof(ids));
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _scorer.LastLogitsAsync(ids, read, cancellationToken);
    }

    /// <summary>Adds a LoRA adapter to the running model, which requests can choose from then on.</summary>
    /// <remarks>
    /// Requests in flight go on meanwhile. The package must have been exported with inputs for adapters at the layers
    /// that the adapter changes (<c>slipway export --adapter-inputs</c>, or with another adapter of the same layers).
    /// Tokens are those that the package would give if it had been exported with the adapter. Its factors, as float32,
    /// count in the budget of keys and values. What does more than add products to linear layers, such as DoRA, is
    /// refused.
    /// </remarks>
    /// <param name="name">The name that requests use: up to 64 ASCII letters, digits, '-', '_' and '.'.</param>
    /// <param name="folder">
    /// The folder that PEFT wrote: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting before the adapter is read and added.</param>
    /// <exception cref="ArgumentException">The name cannot be one, or is taken.</exception>
    /// <exception cref="NotSupportedException">The package's graph takes no adapters.</exception>
    /// <exception cref="PackageException">
    /// A file is missing, damaged or of another kind, holds what is not finite, or does not fit the model.
    /// </exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    public Task AddAdapterAsync(string name, string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _loaded.Adapters.AddAsync(name, folder, cancellationToken);
    }

    /// <summary>Removes an adapter from the running model and frees its memory.</summary>
    /// <remarks>New requests for it are refused at once; those in flight end first. Its name is free at once.</remarks>
    /// <param name="name">One of <see cref="Adapters"/>, the package's own or one that was added.</param>
    /// <param name="cancellationToken">Ends the waiting; the adapter goes all the same.</param>
    /// <exception cref="ArgumentException">There is no such adapter.</exception>
    public Task RemoveAdapterAsync(string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return _loaded.Adapters.RemoveAsync(name, cancellationToken);
    }

    /// <summary>Takes no new requests and waits until those in flight have ended.</summary>
    /// <param name="cancellationToken">Stops the waiting; the requests go on.</param>
    public Task DrainAsync(CancellationToken cancellationToken = default) => _gate.CloseAsync(cancellationToken);

    /// <summary>Ends requests in flight, waits for the engine's thread and frees everything.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _loaded.Dispose();
        }
    }

    /// <summary>Ends requests in flight and frees everything without blocking the caller.</summary>
    public ValueTask DisposeAsync() => new(Task.Run(Dispose));
}
