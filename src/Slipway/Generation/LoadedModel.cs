using Slipway.Engine.Adapters;
using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Engine.Scheduling;
using Slipway.Guidance;
using Slipway.Packaging;
using Slipway.Speculation;
using Slipway.Telemetry;
using Slipway.Tokenization;

namespace Slipway.Generation;

/// <summary>Loads a package and holds what its requests share. Safe for concurrent use.</summary>
internal sealed class LoadedModel : IDisposable
{
    private const string TokenizerFile = "tokenizer.json";

    private readonly OpenedDecoder _opened;
    private readonly HuggingFaceTokenizer? _tokenizer;
    private readonly RunningAdapters _running;
    private readonly DraftPackage? _draftPackage;
    private readonly WeightFiles? _weights;
    private readonly Lazy<GuidanceCache> _guidance;

    /// <param name="package">The package.</param>
    /// <param name="options">How to load it.</param>
    /// <param name="wrap">Wraps the decoder, which lets tests inject faults.</param>
    public LoadedModel(ModelPackage package, LanguageModelOptions options, Func<IDecoder, IDecoder> wrap)
    {
        (Package, Options) = (package, options);
        Telemetry = new ModelTelemetry(Path.GetFileName(package.Path), options.LoggerFactory);
        _guidance = new(() => new GuidanceCache(Tokenizer, [.. package.Config.Model.EosTokenId]));

        // The slow parts of loading run side by side.
        var tokenizer = Task.Run(() => LoadTokenizer(package));
        KeyValueBudget? budget = null;
        try
        {
            _opened = (options.Engine ?? OnnxRuntimeEngine.Instance).Open(package, options);
            _weights = new WeightFiles(package, _opened.Path);
            _tokenizer = tokenizer.GetAwaiter().GetResult();
            _draftPackage = DraftPackage.Open(options);
            _draftPackage?.Check(package, VocabularySize, _tokenizer, TokenizerFile);
            budget = new KeyValueBudget(package, _opened, options, _draftPackage);
            ContextLength = budget.ContextLength;
            var draftModel = _draftPackage?.Create(options, budget);
            Engine = new ModelEngine(
                wrap(_opened.Decoder), VocabularySize, options, budget, Telemetry, draftModel, _weights);
            _running = new RunningAdapters(package, _opened.Adapters, Engine);
            Telemetry.Runs(_opened, ContextLength, budget.Bytes);
        }
        catch
        {
            budget?.Dispose();
            _draftPackage?.Dispose();
            _opened?.Dispose();
            _weights?.Dispose();
            throw;
        }
    }

    public ModelPackage Package { get; }

    public LanguageModelOptions Options { get; }

    /// <summary>The session and the graph in it, where this library's own engine runs it; null elsewhere.</summary>
    public (Microsoft.ML.OnnxRuntime.InferenceSession Session, DecoderGraph Graph)? Graph => _opened.Graph;

    /// <summary>Bytes of a sequence's keys, values and states.</summary>
    public SequenceSize Size => _opened.Size;

    /// <summary>Logits of one token.</summary>
    public int VocabularySize => _opened.VocabularySize;

    /// <summary>Names what runs the graph, such as <c>cpu</c> or <c>cuda:0</c>.</summary>
    public string ExecutionProvider => _opened.Provider;

    public string Kernels => _opened.Kernels;

    public ModelEngine Engine { get; }

    public ModelTelemetry Telemetry { get; }

    /// <summary>The longest sequence in tokens, prompt and answer together.</summary>
    public int ContextLength { get; }

    /// <summary>The adapters that requests can choose between.</summary>
    public IReadOnlyList<string> AdapterNames => _opened.Adapters?.Names ?? [];

    /// <summary>Adds adapters and removes them.</summary>
    public RunningAdapters Adapters => _running;

    /// <summary>Tells whether a draft model is loaded beside the model.</summary>
    public bool HasDraftModel => _draftPackage is not null;

    /// <summary>Compiled parts of grammars.</summary>
    public GuidanceCache Guidance => _guidance.Value;

    /// <exception cref="NotSupportedException">The package has no <c>tokenizer.json</c>.</exception>
    public HuggingFaceTokenizer Tokenizer
        => _tokenizer ?? throw new NotSupportedException(
            $"The package '{Package.Path}' has no '{TokenizerFile}', so it takes and gives token ids only. Copy the "
            + "tokenizer of the model's checkpoint into the package.");

    /// <summary>Makes text of tokens; null where the package has no tokenizer.</summary>
    public TokenStreamDecoder? CreateStreamDecoder(bool skipSpecialTokens)
        => _tokenizer?.CreateStreamDecoder(skipSpecialTokens);

    /// <summary>Refuses an adapter that there is not; null, the model alone, passes.</summary>
    /// <exception cref="ArgumentException">There is no such adapter.</exception>
    public void RequireAdapter(string? name, string parameter)
    {
        if (name is not null && _opened.Adapters?.Contains(name) != true)
        {
            throw NoAdapter(name, parameter);
        }
    }

    /// <summary>Holds an adapter until the result is disposed; null for null, the model alone.</summary>
    /// <exception cref="ArgumentException">There is no such adapter.</exception>
    public AdapterUse? UseAdapter(string? name, string parameter)
        => name is null ? null : _opened.Adapters?.TryUse(name) ?? throw NoAdapter(name, parameter);

    public void Dispose()
    {
        Engine.Dispose();
        _draftPackage?.Dispose();
        _opened.Dispose();
        _weights?.Dispose();
        Telemetry.Dispose();
    }

    private ArgumentException NoAdapter(string name, string parameter) => new(
        $"The request asks for the adapter '{Excerpt.Of(name)}'; the package '{Package.Path}' has "
        + (AdapterNames is { Count: > 0 } names
            ? $"{Excerpt.OfList(names)}. Ask for one of them, or for none."
            : "none. Export it with the adapter, or ask for none."),
        parameter);

    private static HuggingFaceTokenizer? LoadTokenizer(ModelPackage package)
        => package.FindFile(TokenizerFile) is { } path ? HuggingFaceTokenizer.Load(path) : null;
}
