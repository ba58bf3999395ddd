using System.Globalization;
using Slipway.Torch;
using Slipway.Training.Modules;
using Slipway.Training.Modules.Encoders;
using TorchSharp.Modules;
using static TorchSharp.torch;
using LayerNorm = Slipway.Training.Modules.LayerNorm;

namespace Slipway.Training.Models.Encoders;

/// <summary>BERT with its task's head, whose parameters carry Hugging Face names.</summary>
/// <remarks>
/// Weights are float32; sequences lie one after the other, unpadded, and see themselves alone. Nothing is dropped out.
/// One thread at a time may use an instance. Source: Devlin and others, 2018.
/// </remarks>
public sealed class EncoderModel : nn.Module<Tensor, SequenceLayout, Tensor>
{
    private readonly TokenEmbedding _words;
    private readonly TokenEmbedding _positions;
    private readonly TokenEmbedding _types;
    private readonly LayerNorm _norm;
    private readonly EncoderLayer[] _layers;
    private readonly Projection? _pooler;
    private readonly Projection? _transform;
    private readonly LayerNorm? _transformNorm;
    private readonly Parameter? _vocabularyBias;
    private readonly Projection? _classifier;

    /// <summary>Creates the model with weights drawn from a seed.</summary>
    /// <param name="config">The sizes and the task.</param>
    /// <param name="seed">What the weights are drawn from.</param>
    public EncoderModel(EncoderConfig config, long seed = 0)
        : base(NativeTorch.Require(nameof(EncoderModel)))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        var hidden = config.HiddenSize;
        _words = new TokenEmbedding("word_embeddings", config.VocabSize, hidden);
        _positions = new TokenEmbedding("position_embeddings", config.MaxPositionEmbeddings, hidden);
        _types = new TokenEmbedding("token_type_embeddings", config.TypeVocabSize, hidden);
        _norm = new LayerNorm("LayerNorm", hidden, config.LayerNormEps);
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(
            layer => new EncoderLayer(layer.ToString(CultureInfo.InvariantCulture), config))];
        var body = new List<nn.Module>
        {
            new ModuleGroup("embeddings", _words, _positions, _types, _norm),
            new ModuleGroup("encoder", new ModuleGroup("layer", _layers)),
        };
        if (config.Task is EncoderTask.States or EncoderTask.SequenceClassification)
        {
            _pooler = new Projection("dense", hidden, hidden, bias: true);
            body.Add(new ModuleGroup("pooler", _pooler));
        }

        register_module("bert", new ModuleGroup("bert", [.. body]));
        switch (config.Task)
        {
            case EncoderTask.MaskedLanguageModel:
                _transform = new Projection("dense", hidden, hidden, bias: true);
                _transformNorm = new LayerNorm("LayerNorm", hidden, config.LayerNormEps);
                _vocabularyBias = new Parameter(zeros(config.VocabSize));
                var predictions = new ModuleGroup(
                    "predictions", new ModuleGroup("transform", _transform, _transformNorm));
                predictions.register_parameter("bias", _vocabularyBias);
                register_module("cls", new ModuleGroup("cls", predictions));
                break;
            case EncoderTask.SequenceClassification or EncoderTask.TokenClassification:
                _classifier = new Projection("classifier", hidden, config.NumLabels, bias: true);
                register_module("classifier", _classifier);
                break;
        }

        using var generator = new Generator((ulong)seed);
        using var untracked = no_grad();
        foreach (var (_, parameter) in named_parameters())
        {
            if (parameter.dim() == 2)
            {
                parameter.normal_(0, config.InitializerRange, generator);
            }
        }
    }

    /// <summary>The sizes and the task.</summary>
    public EncoderConfig Config { get; }

    /// <summary>The weights that training changes, by name.</summary>
    public IReadOnlyList<(string Name, Parameter Weight)> TrainableParameters =>
        [.. named_parameters().Select(one => (one.name, one.parameter))];

    /// <summary>Computes what the task asks for, of unpadded sequences of the first kind of tokens.</summary>
    /// <param name="ids">int64 [tokens]</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <returns>
    /// float32: [tokens, hidden_size], [tokens, vocab_size], [sequences, labels] or [tokens, labels].
    /// </returns>
    public override Tensor forward(Tensor ids, SequenceLayout layout)
    {
        using var scope = NewDisposeScope();
        var hidden = HiddenStates(ids, layout);
        return Head(hidden, layout).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the states of unpadded sequences.</summary>
    /// <param name="ids">int64 [tokens]</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <param name="types">int64 [tokens]: the kind of each token; null for the first one.</param>
    /// <returns>float32 [tokens, hidden_size]</returns>
    public Tensor HiddenStates(Tensor ids, SequenceLayout layout, Tensor? types = null)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(layout);
        if (layout.Longest > Config.MaxPositionEmbeddings)
        {
            throw new ArgumentException(
                $"A sequence of {layout.Longest} tokens is longer than max_position_embeddings="
                + $"{Config.MaxPositionEmbeddings}. Shorten it.", nameof(layout));
        }

        using var scope = NewDisposeScope();
        var sum = _words.forward(ids) + _positions.forward(layout.Positions(ids.device))
            + _types.forward(types ?? zeros_like(ids));
        var hidden = _norm.forward(sum, float32);
        foreach (var layer in _layers)
        {
            hidden = layer.forward(hidden, layout);
        }

        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>Computes what the task asks for of states.</summary>
    /// <param name="hidden">float32 [tokens, hidden_size]; of a masked language model also those of some tokens
    /// alone.</param>
    /// <param name="layout">Where each sequence starts.</param>
    public Tensor Head(Tensor hidden, SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(layout);
        using var scope = NewDisposeScope();
        return (Config.Task switch
        {
            EncoderTask.MaskedLanguageModel => nn.functional.linear(
                _transformNorm!.forward(Config.HiddenAct.Apply(_transform!.forward(hidden)), float32), _words.weight,
                _vocabularyBias),
            EncoderTask.SequenceClassification => _classifier!.forward(
                _pooler!.forward(hidden.index_select(0, First(layout))).tanh()),
            EncoderTask.TokenClassification => _classifier!.forward(hidden),
            _ => hidden.alias(),
        }).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the mean cross-entropy of hidden tokens.</summary>
    /// <param name="ids">int64 [tokens], in which some tokens are hidden.</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <param name="positions">int64 [targets]: the hidden ones.</param>
    /// <param name="targets">int64 [targets]: the tokens that stood there.</param>
    /// <returns>float32 scalar, nats</returns>
    public Tensor MaskedLoss(Tensor ids, SequenceLayout layout, Tensor positions, Tensor targets)
    {
        using var scope = NewDisposeScope();
        var logits = Head(HiddenStates(ids, layout).index_select(0, positions), layout);
        return nn.functional.cross_entropy(logits, targets).MoveToOuterDisposeScope();
    }

    private static Tensor First(SequenceLayout layout)
    {
        var starts = new long[layout.Sequences];
        for (var sequence = 1; sequence < starts.Length; sequence++)
        {
            starts[sequence] = starts[sequence - 1] + layout.Lengths[sequence - 1];
        }

        return tensor(starts);
    }
}
