using Slipway.Training.Models.Encoders;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules.Encoders;

/// <summary>Maps states to a task's logits: pooling, a matrix with activation and norm where the family has them, and
/// the matrix of labels or of the vocabulary.</summary>
internal sealed class EncoderHead
{
    private readonly EncoderConfig _config;
    private readonly Activation _activation;
    private readonly Projection? _dense;
    private readonly LayerNorm? _norm;
    private readonly Parameter _weight;
    private readonly Parameter? _bias;

    /// <summary>Registers the head's modules in a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">The sizes and the task, which has a head.</param>
    /// <param name="words">The token embedding, which stays the caller's.</param>
    public EncoderHead(nn.Module model, EncoderConfig config, TokenEmbedding words)
    {
        _config = config;
        var (names, hidden, modern) = (config.Architecture.Heads[config.Task], config.HiddenSize, config.Modern);
        _activation = names.Activation ?? modern?.ClassifierActivation ?? config.HiddenAct;
        if (names.Dense is not null)
        {
            _dense = ModuleTree.Add(
                model, names.Dense, name => new Projection(name, hidden, hidden, modern?.ClassifierBias ?? true));
        }

        if (names.Norm is not null)
        {
            _norm = ModuleTree.Add(model, names.Norm, name => new LayerNorm(
                name, hidden, config.LayerNormEps, modern?.NormBias ?? true));
        }

        var isMasked = config.Task == EncoderTask.MaskedLanguageModel;
        var outputs = isMasked ? config.VocabSize : config.NumLabels;
        _weight = isMasked && config.TieWordEmbeddings ? words.weight
            : ModuleTree.Add(model, $"{names.Output}.weight", new Parameter(zeros(outputs, hidden)));
        if (!isMasked || modern?.DecoderBias != false)
        {
            _bias = ModuleTree.Add(model, names.Bias ?? $"{names.Output}.bias", new Parameter(zeros(outputs)));
        }
    }

    /// <summary>Computes float32 logits of states; products are computed in the asked type.</summary>
    public Tensor Apply(Tensor hidden, SequenceLayout layout, ScalarType type)
    {
        using var scope = NewDisposeScope();
        if (_config.Task == EncoderTask.SequenceClassification)
        {
            hidden = _config.Modern?.PoolsMean == true
                ? SequencePooling.Mean(hidden, layout) : SequencePooling.First(hidden, layout);
        }

        hidden = hidden.to(type);
        hidden = _dense is null ? hidden : _activation.Apply(_dense.forward(hidden));
        hidden = _norm?.forward(hidden, type) ?? hidden;
        return nn.functional.linear(hidden, _weight.to(type), _bias?.to(type)).to(float32).MoveToOuterDisposeScope();
    }
}
