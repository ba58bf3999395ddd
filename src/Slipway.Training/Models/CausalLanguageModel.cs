using Slipway.Torch;
using Slipway.Training.Adapters;
using Slipway.Training.Losses;
using Slipway.Training.Modules;
using Slipway.Training.Recipes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

/// <summary>A decoder-only language model whose parameters carry Hugging Face names.</summary>
/// <remarks>
/// Weights are float32. <see cref="ComputeType"/> chooses the number type of the matrix products; norms, rotary
/// positions, the residual stream and the loss stay float32. One thread at a time may use an instance.
/// </remarks>
public sealed class CausalLanguageModel : nn.Module<Tensor, Tensor>, ITrainedModel
{
    private readonly RotaryTables _rotary;
    private readonly DecoderStack _model;
    private readonly Projection? _head;

    /// <summary>Creates the model with weights drawn from a seed.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="seed">What the weights are drawn from; equal seeds give equal weights.</param>
    public CausalLanguageModel(ModelConfig config, long seed = 0)
        : base(NativeTorch.Require(nameof(CausalLanguageModel)))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        _rotary = new RotaryTables(
            config.NumHiddenLayers, layer => config.Architecture.Rope(config, layer), config.HeadDim,
            config.MaxPositionEmbeddings);
        _model = new DecoderStack(config, _rotary);
        register_module(config.Architecture.Names.Model, _model);
        if (!config.TieWordEmbeddings)
        {
            _head = new Projection("lm_head", config.HiddenSize, config.VocabSize, bias: false);
            register_module("lm_head", _head);
        }

        using var generator = new Generator((ulong)seed);
        using var untracked = no_grad();
        foreach (var (name, parameter) in named_parameters())
        {
            // Norms start at one and biases at zero, as their modules made them.
            if (parameter.dim() == 2)
            {
                parameter.normal_(0, config.InitializerRange, generator);
            }
        }
    }

    /// <summary>The sizes.</summary>
    public ModelConfig Config { get; }

    /// <summary>The number type of the matrix products: float32 or bfloat16.</summary>
    /// <value>float32</value>
    public ScalarType ComputeType { get; set; } = float32;

    /// <summary>Tells whether a layer's inputs alone are kept for its gradients, and the rest is computed again: a
    /// third more to compute, and far less memory.</summary>
    /// <value>false</value>
    public bool GradientCheckpointing
    {
        get => _model.Checkpoints;
        set => _model.Checkpoints = value;
    }

    /// <summary>The adapter that is trained beside the model's own weights; null for none.</summary>
    public ModelAdapter? Adapter { get; internal set; }

    /// <summary>The weights that training changes, by name: the adapter's where the model has one.</summary>
    public IReadOnlyList<(string Name, Parameter Weight)> TrainableParameters =>
        Adapter?.Parameters ?? [.. named_parameters().Select(one => (one.name, one.parameter))];

    /// <summary>Tells whether matrices are held as 4-bit codes.</summary>
    internal bool IsFrozen { get; private set; }

    /// <summary>The layers, the embedding and what replaces tokens.</summary>
    internal DecoderStack Stack => _model;

    /// <summary>The number of weights.</summary>
    public long ParameterCount => parameters().Sum(parameter => parameter.numel());

    /// <summary>Computes the logits of every position.</summary>
    /// <param name="input_ids">int64 [batch, sequence]</param>
    /// <returns>float32 [batch, sequence, vocab_size]</returns>
    public override Tensor forward(Tensor input_ids)
    {
        ArgumentNullException.ThrowIfNull(input_ids);
        using var scope = NewDisposeScope();
        using var layout = SequenceLayout.Uniform((int)input_ids.shape[0], (int)input_ids.shape[1]);
        var logits = Head(HiddenStates(input_ids.flatten(), layout));
        return logits.view(input_ids.shape[0], input_ids.shape[1], Config.VocabSize).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the final hidden states of unpadded sequences, behind the last norm.</summary>
    /// <param name="ids">int64 [tokens]</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <returns>[tokens, hidden_size] of <see cref="ComputeType"/></returns>
    public Tensor HiddenStates(Tensor ids, SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(layout);
        return layout.Longest + layout.Prefix <= Config.MaxPositionEmbeddings
            ? _model.forward(ids, layout, ComputeType)
            : throw new ArgumentException(
                $"A sequence of {layout.Longest + layout.Prefix} tokens is longer than max_position_embeddings="
                + $"{Config.MaxPositionEmbeddings}. Shorten it or raise max_position_embeddings.", nameof(layout));
    }

    /// <summary>Computes the logits at some positions of unpadded sequences.</summary>
    /// <param name="ids">int64 [tokens]</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <param name="positions">int64 [targets]: the tokens whose successor is to be predicted.</param>
    /// <returns>float32 [targets, vocab_size]</returns>
    public Tensor Logits(Tensor ids, SequenceLayout layout, Tensor positions)
    {
        ArgumentNullException.ThrowIfNull(positions);
        using var scope = NewDisposeScope();
        var hidden = HiddenStates(ids, layout);
        if (positions.numel() != layout.Tokens)
        {
            hidden = hidden.index_select(0, positions);   // the head is the widest product: only where it is needed
        }

        return Head(hidden).MoveToOuterDisposeScope();
    }

    /// <summary>Sums the cross-entropy over the tokens that have a target.</summary>
    /// <param name="ids">int64 [tokens]</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <param name="positions">int64 [targets]: the tokens whose successor is to be predicted.</param>
    /// <param name="targets">int64 [targets]: the successors.</param>
    /// <param name="loss">Additions to the cross-entropy; null for none.</param>
    /// <returns>float32 scalar: nats, summed.</returns>
    public Tensor SummedLoss(
        Tensor ids, SequenceLayout layout, Tensor positions, Tensor targets, CrossEntropy? loss = null)
    {
        using var scope = NewDisposeScope();
        return (loss ?? CrossEntropy.Plain).Sum(Logits(ids, layout, positions), targets).MoveToOuterDisposeScope();
    }

    /// <summary>Holds the matrices of the layers as 4-bit codes from now on, for an adapter to be trained
    /// beside them (QLoRA: Dettmers and others, 2023).</summary>
    /// <remarks>
    /// Embedding, head, norms and biases stay as they are. The matrices' parameters become empty, so that the model can
    /// be neither saved nor trained itself: attach an adapter, and merge that into the checkpoint.
    /// </remarks>
    /// <param name="type">The codes' values.</param>
    public void Freeze(FrozenType type)
    {
        using var untracked = no_grad();
        IsFrozen = true;
        foreach (var (_, projection) in ModelAdapter.Projections(this))
        {
            if (projection.Frozen is not null || projection == _head)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            projection.Frozen = FrozenWeight.Quantize(
                projection.Matrix().contiguous(), FrozenTables.Of(type));
            projection.weight.requires_grad = false;
            projection.weight.set_(empty(0));
        }
    }

    void ITrainedModel.Save(string folder, ScalarType type)
    {
        if (Adapter is { } adapter)
        {
            adapter.Save(folder);
            return;
        }

        TorchSharpWriter.Write(Path.Combine(folder, "model.dat"), this, type);
    }

    /// <summary>Releases the weights.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Adapter?.Dispose();
            foreach (var (_, projection) in ModelAdapter.Projections(this))
            {
                projection.Frozen?.Dispose();
            }

            _rotary.Dispose();
        }

        base.Dispose(disposing);
    }

    private Tensor Head(Tensor hidden)
    {
        var logits = (_head?.forward(hidden)
            ?? nn.functional.linear(hidden, _model.Embedding.weight.to(hidden.dtype))).to(float32);
        var cap = Config.FinalSoftcap;
        return cap > 0 ? logits.Over(cap).tanh().Times(cap) : logits;
    }
}
