using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.ML.OnnxRuntime;
using Slipway.Chat;
using Slipway.Engine;
using Slipway.Guidance;
using Slipway.Packaging;
using Slipway.Sampling;
using Slipway.Speculation;
using Slipway.Telemetry;
using Slipway.Text;
using Slipway.Tokenization;

namespace Slipway;

/// <summary>Runs a language model from a package folder.</summary>
/// <remarks>
/// All members are safe for concurrent use: requests that come together are computed together, by one thread of the
/// model's own. Dispose the model when it is no longer needed; requests in flight then end with
/// <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed partial class LanguageModel : IDisposable, IAsyncDisposable
{
    private const string TokenizerFile = "tokenizer.json";

    private readonly InferenceSession _session;
    private readonly DecoderGraph _graph;
    private readonly ModelEngine _engine;
    private readonly ModelTelemetry _telemetry;
    private readonly RequestGate _gate = new();
    private readonly TimeProvider _time;
    private readonly int _draftTokens;
    private readonly DraftPackage? _draftPackage;
    private readonly HuggingFaceTokenizer? _tokenizer;
    private readonly Lazy<ChatTemplate?> _chatTemplate;
    private readonly Lazy<GuidanceCache> _guidance;
    private int _disposed;

    private LanguageModel(ModelPackage package, LanguageModelOptions options, Func<IDecoder, IDecoder> wrap)
    {
        Package = package;
        _time = options.TimeProvider;
        _draftTokens = options.DraftTokens;
        _telemetry = new ModelTelemetry(Path.GetFileName(package.Path));
        _guidance = new(() => new GuidanceCache(Tokenizer, [.. package.Config.Model.EosTokenId]));
        _chatTemplate = new(() => PackageTemplates.Read(package).Template(withTools: false));

        // The slow parts of loading run side by side.
        var tokenizerTask = Task.Run(() => LoadTokenizer(package));
        try
        {
            _session = ModelSession.Open(package, options);
            _tokenizer = tokenizerTask.GetAwaiter().GetResult();
            _graph = DecoderGraph.Read(_session, package);
            _draftPackage = DraftPackage.Open(options);
            _draftPackage?.Check(package, VocabularySize, _tokenizer, TokenizerFile);
            var budget = new KeyValueBudget(package, _graph, options, _draftPackage?.Size ?? default);
            ContextLength = budget.ContextLength;
            _adapters = AdapterSet.Read(_session, package);
            Adapters = _adapters?.Names ?? [];
            IDecoder decoder = _graph.Concatenates
                ? new DynamicCacheDecoder(_session, _graph)
                : new Decoder(_session, _graph, _adapters,
                KernelVariant.SupportsInactiveSlots(package, options, _session, _graph));
            _engine = new ModelEngine(
                wrap(decoder), VocabularySize, options, budget, _telemetry,
                _draftPackage?.Create(options, budget.DraftBytes));
        }
        catch
        {
            _draftPackage?.Dispose();
            _session?.Dispose();
            throw;
        }
    }

    /// <summary>The package that the model was loaded from.</summary>
    public ModelPackage Package { get; }

    /// <summary>The package's tokenizer.</summary>
    /// <exception cref="NotSupportedException">The package has no <c>tokenizer.json</c>; only ids can be
    /// used.</exception>
    public HuggingFaceTokenizer Tokenizer
        => _tokenizer ?? throw new NotSupportedException(
            $"The package '{Package.Path}' has no '{TokenizerFile}', so it takes and gives token ids only. Copy the "
            + "tokenizer of the model's checkpoint into the package.");

    /// <summary>The package's chat template, of several the one called 'default'; null where it has none.</summary>
    /// <remarks>Read at the first use.</remarks>
    /// <exception cref="PackageException">The file that holds it is malformed.</exception>
    /// <exception cref="ChatTemplateException">The template's syntax is wrong.</exception>
    public ChatTemplate? ChatTemplate => _chatTemplate.Value;

    /// <summary>The session, for measurements beside the engine.</summary>
    internal InferenceSession Session => _session;

    /// <summary>The graph's inputs and outputs.</summary>
    internal DecoderGraph Graph => _graph;

    /// <summary>The longest sequence in tokens, prompt and answer together.</summary>
    public int ContextLength { get; }

    /// <summary>Entries of the vocabulary, the last dimension of the logits.</summary>
    public int VocabularySize => _graph.VocabularySize;

    /// <summary>What was worked out for grammars of answers.</summary>
    internal GuidanceCache Guidance => _guidance.Value;

    /// <summary>Loads a model.</summary>
    /// <param name="packageFolder">The package folder.</param>
    /// <param name="options">How to load it; null for the defaults.</param>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    /// <exception cref="NotSupportedException">The graph has inputs that a decoder does not have.</exception>
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
        return new LanguageModel(ModelPackage.Open(packageFolder), checkedOptions, wrap);
    }

    /// <summary>Continues a prompt, token by token.</summary>
    /// <remarks>
    /// The request is checked at the call and enters the queue when the enumeration begins. Leaving the enumeration
    /// early cancels it. Requests with prompts that begin alike compute the beginning once, also when they come
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
        _ = AdapterId(request.Adapter, nameof(request));
        if (request.StopSequences.Count > 0 || request.Guidance is not null)
        {
            _ = Tokenizer;
        }

        return request.NumReturnSequences == 1
            ? GenerateCoreAsync(request, cancellationToken)
            : GenerateAnswersAsync(request, cancellationToken);
    }

    /// <summary>Takes no new requests and waits until those in flight have ended.</summary>
    /// <param name="cancellationToken">Stops the waiting; the requests go on.</param>
    public Task DrainAsync(CancellationToken cancellationToken = default) => _gate.CloseAsync(cancellationToken);

    /// <summary>Ends requests in flight, waits for the engine's thread and frees everything.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _engine.Dispose();
            _draftPackage?.Dispose();
            _session.Dispose();
            _telemetry.Dispose();
        }
    }

    /// <summary>Ends requests in flight and frees everything without blocking the caller.</summary>
    public ValueTask DisposeAsync() => new(Task.Run(Dispose));

    private static HuggingFaceTokenizer? LoadTokenizer(ModelPackage package)
        => package.FindFile(TokenizerFile) is { } path ? HuggingFaceTokenizer.Load(path) : null;

    private async Task ScoreAsync(
        IReadOnlyList<int> ids,
        int adapter,
        LogitsSink sink,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        using var visit = _gate.Enter();
        var sequence = new ScoringSequence(ids, sink) { Adapter = adapter };
        _engine.Submit(sequence);
        using var registration = cancellationToken.Register(() => _engine.Cancel(sequence));
        try
        {
            await sequence.Completion.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    private async IAsyncEnumerable<GeneratedToken> GenerateCoreAsync(
        GenerationRequest request,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var visit = _gate.Enter();
        using var activity = _telemetry.Begin();
        var sequence = CreateSequence(request);
        Usage? usage = null;
        var outcome = "refused";
        try
        {
            _engine.Submit(sequence);
            outcome = "cancelled";
            using var deadline = StartDeadline(request, sequence);
            using var registration = cancellationToken.Register(() => _engine.Cancel(sequence));
            await foreach (var token in sequence.Output.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                usage = token.Usage;
                outcome = Outcome(token.FinishReason);
                yield return token;
            }
        }
        finally
        {
            if (!sequence.Output.Completion.IsCompleted)
            {
                _engine.Cancel(sequence);
            }

            _telemetry.End(activity, Outcome(sequence.Output.Completion) ?? outcome, usage);
        }
    }

    private static string Outcome(FinishReason? reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        _ => "cancelled",
    };

    private static string? Outcome(Task completion) => completion.Exception?.InnerException switch
    {
        null or OperationCanceledException => null,
        TimeoutException => "timeout",
        _ => "failed",
    };

    private CancellationTokenSource? StartDeadline(GenerationRequest request, GenerationSequence sequence)
    {
        if (request.Timeout is not { } timeout)
        {
            return null;
        }

        var deadline = new CancellationTokenSource(timeout, _time);
        deadline.Token.Register(() => _engine.Cancel(sequence, new TimeoutException(
            $"The request did not end within its time "
            + $"of '{timeout}'. Raise Timeout, ask for fewer tokens, or send fewer "
            + "requests at once.")));
        return deadline;
    }

    private GenerationSequence CreateSequence(GenerationRequest request)
    {
        var endIds = Package.Config.Model.EosTokenId;
        var sampling = request.Sampling;
        var seed = sampling.Seed ?? BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));
        var random = sampling.Temperature > 0 ? new RandomSource(seed) : null;
        var guided = request.Guidance is { } grammar
            ? request with { LogitsProcessors = [
                .. request.LogitsProcessors, Guidance.NewProcessor(grammar, request.StopTokenIds)] }
            : request;
        var chooser = new Sampler(
            LogitsProcessors.For(guided, [.. endIds, .. request.StopTokenIds], seed),
            random,
            request.LogProbabilities);
        var text = new IncrementalDetokenizer(
            _tokenizer?.CreateStreamDecoder(skipSpecialTokens: !request.IncludeSpecialTokens),
            request.StopSequences,
            request.IncludeSpecialTokens);
        var max = request.DraftTokens ?? _draftTokens;
        return new GenerationSequence(request, endIds, ContextLength, chooser, text)
        {
            Adapter = AdapterId(request.Adapter, nameof(request)),
            Drafting = max > 0 ? new AdaptiveDraftLength(max) : null,
            ModelDrafting = max > 0 && _draftPackage is not null ? new AdaptiveDraftLength(max) : null,
        };
    }
}
