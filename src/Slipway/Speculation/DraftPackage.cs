using Slipway.Engine.Cache;
using Slipway.Engine.Execution;
using Slipway.Engine.Execution.Providers;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Speculation;

/// <summary>A smaller model's package that is open beside another's.</summary>
internal sealed class DraftPackage : IDisposable
{
    private readonly ModelPackage _package;
    private readonly GraphSession _session;
    private readonly DecoderGraph _graph;

    private DraftPackage(ModelPackage package, LanguageModelOptions options)
    {
        _package = package;
        _session = ModelSession.Open(package, options);
        try
        {
            _graph = DecoderGraph.Read(_session.Session, package);
        }
        catch
        {
            _session.Dispose();
            throw;
        }
    }

    /// <summary>The package.</summary>
    /// <summary>The file of the graph that runs.</summary>
    public string GraphPath => _session.Graph.Path;

    /// <summary>Bytes of a sequence's keys and values.</summary>
    public SequenceSize Size => _graph.Size;

    /// <summary>Opens it; null where the options name none.</summary>
    /// <exception cref="PackageException">A file is missing or malformed.</exception>
    public static DraftPackage? Open(LanguageModelOptions options)
        => options.DraftModel is { } folder ? new DraftPackage(ModelPackage.Open(folder), options) : null;

    /// <summary>Checks that its tokens are those of the model that it drafts for.</summary>
    /// <exception cref="NotSupportedException">They are not, or it cannot go back to an earlier token.</exception>
    public void Check(ModelPackage target, int vocabularySize, HuggingFaceTokenizer? tokenizer, string tokenizerFile)
    {
        if (_graph.States.Count > 0)
        {
            throw new NotSupportedException(
                $"Layers of the draft model '{_package.Path}' carry states, which cannot go back where a draft was "
                + "wrong. Choose another as DraftModel.");
        }

        var own = _package.FindFile(tokenizerFile) is { } path ? HuggingFaceTokenizer.Load(path) : null;
        if (_graph.VocabularySize != vocabularySize || own?.VocabularySize != tokenizer?.VocabularySize
            || Enumerable.Range(0, own?.VocabularySize ?? 0).Any(id => own!.IdToToken(id) != tokenizer!.IdToToken(id)))
        {
            throw new NotSupportedException(
                $"The draft model '{_package.Path}' has other tokens than '{target.Path}'. Choose one with the same "
                + "tokenizer as DraftModel.");
        }
    }

    /// <summary>Makes the draft model, which does not own this.</summary>
    /// <param name="options">How to load it.</param>
    /// <param name="budget">Bounds what it may take.</param>
    public DraftModel Create(LanguageModelOptions options, KeyValueBudget budget)
    {
        IDecoder decoder = _graph.Concatenates
            ? new DynamicCacheDecoder(_session.Session, _graph)
            : new Decoder(
                _session.Session, _graph, memory: TensorMemory.Of(_session, _graph),
                copiesInputs: !_session.Choice.Provider.IsProcessor);
        return new DraftModel(
            decoder, _package.Config.Model.ContextLength, budget.DraftBytes, budget.TryHoldDraft,
            Math.Max(1, options.DraftBatchSize),
            Math.Min(options.MaxPrefillTokens, decoder.MaxPrefillTokens));
    }

    public void Dispose() => _session.Dispose();
}
