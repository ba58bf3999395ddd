using System.Globalization;
using Slipway.Checkpoints;
using Slipway.Torch;
using Slipway.Training.Autograd;
using Slipway.Training.Modules;
using Slipway.Training.Modules.Encoders;
using TorchSharp.Modules;
using static TorchSharp.torch;
using LayerNorm = Slipway.Training.Modules.LayerNorm;

namespace Slipway.Training.Models.Encoders;

/// <summary>An encoder with its task's head, whose parameters carry Hugging Face names: BERT, RoBERTa, DistilBERT or
/// ModernBERT.</summary>
/// <remarks>
/// Weights are float32; <see cref="ComputeType"/> chooses the number type of the matrix products, while norms, the
/// residual stream and logits stay float32. Sequences lie one after the other, unpadded, and see themselves alone.
/// Nothing is dropped out. One thread at a time may use an instance.
/// </remarks>
public sealed class EncoderModel : nn.Module<Tensor, SequenceLayout, Tensor>, ITrainedModel
{
    /// <summary>The label of places that teach nothing.</summary>
    public const long Unlabeled = -100;

    private readonly TokenEmbedding _words;
    private readonly TokenEmbedding? _positions;
    private readonly TokenEmbedding? _types;
    private readonly LayerNorm _norm;
    private readonly nn.Module<Tensor, SequenceLayout, ScalarType, Tensor>[] _layers;
    private readonly LayerNorm? _finalNorm;
    private readonly EncoderHead? _head;
    private readonly RotaryTables? _rotary;

    /// <summary>Creates the model with weights drawn from a seed.</summary>
    /// <param name="config">The sizes and the task.</param>
    /// <param name="seed">What the weights are drawn from.</param>
    public EncoderModel(EncoderConfig config, long seed = 0)
        : base(NativeTorch.Require(nameof(EncoderModel)))
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = config;
        var (family, names) = (config.Architecture, config.Architecture.Names);
        _words = Table(names.Words, config.VocabSize);
        _positions = names.Positions is null ? null : Table(names.Positions, config.MaxPositionEmbeddings);
        _types = names.Types is null ? null : Table(names.Types, config.TypeVocabSize);
        _norm = Norm(names.Norm);
        _rotary = config.Modern is not { } modern ? null : new RotaryTables(
            config.NumHiddenLayers, modern.Rope, config.HiddenSize / config.NumAttentionHeads,
            config.MaxPositionEmbeddings);
        _layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index => ModuleTree.Add(
            this, $"{family.Body}.{names.Layers}.{index.ToString(CultureInfo.InvariantCulture)}",
            name => Layer(name, index)))];
        _finalNorm = family.IsModern ? Norm("final_norm") : null;
        _head = config.Task == EncoderTask.States ? null : new EncoderHead(this, config, _words);
        using var generator = new Generator((ulong)seed);
        using var untracked = no_grad();
        foreach (var (_, parameter) in named_parameters())
        {
            // Norms start at one and biases at zero, as their modules made them.
            if (parameter.dim() == 2)
            {
                parameter.normal_(0, config.InitializerRange, generator);
            }
        }

        TokenEmbedding Table(string path, int rows) => ModuleTree.Add(
            this, $"{family.Body}.{path}", name => new TokenEmbedding(name, rows, config.HiddenSize));

        LayerNorm Norm(string path) => ModuleTree.Add(this, $"{family.Body}.{path}", name => new LayerNorm(
            name, config.HiddenSize, config.LayerNormEps, config.Modern?.NormBias ?? true));
    }

    /// <summary>The sizes and the task.</summary>
    public EncoderConfig Config { get; }

    /// <summary>The number type of the matrix products: float32 or bfloat16.</summary>
    /// <value>float32</value>
    public ScalarType ComputeType { get; set; } = float32;

    /// <summary>Tells whether a layer's inputs alone are kept for its gradients, and the rest is computed again: a
    /// third more to compute, and far less memory.</summary>
    /// <value>false</value>
    public bool GradientCheckpointing { get; set; }

    /// <summary>The weights that <see cref="Load"/> did not find in a checkpoint of another task, and drew.</summary>
    public IReadOnlyList<string> DrawnWeights { get; private set; } = [];

    /// <summary>The weights that training changes, by name.</summary>
    public IReadOnlyList<(string Name, Parameter Weight)> TrainableParameters =>
        [.. named_parameters().Select(one => (one.name, one.parameter))];

    /// <summary>Loads a checkpoint, for its own task or for another one, such as a masked language model that is to
    /// become a classifier.</summary>
    /// <remarks>
    /// Where the task or the number of labels differs from the checkpoint's, weights of the head that it lacks are
    /// drawn from the seed, and listed in <see cref="DrawnWeights"/>. Heads of other tasks and poolers are left out.
    /// </remarks>
    /// <param name="checkpoint">The checkpoint, which stays the caller's.</param>
    /// <param name="task">The task; null for the one that the checkpoint's configuration names.</param>
    /// <param name="labels">The names of a classifier's labels; null for the checkpoint's.</param>
    /// <param name="seed">What weights are drawn from that the checkpoint does not hold.</param>
    /// <exception cref="CheckpointException">A tensor is missing, left over or of the wrong shape.</exception>
    /// <exception cref="ModelConfigException">The configuration is damaged.</exception>
    /// <exception cref="NotSupportedException">The architecture is none of these.</exception>
    public static EncoderModel Load(
        Checkpoint checkpoint, EncoderTask? task = null, IReadOnlyList<string>? labels = null, long seed = 0)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var own = EncoderConfig.Parse(checkpoint.Config, checkpoint.Path);
        var model = new EncoderModel(own.For(task ?? own.Task, labels), seed);
        try
        {
            var isSame = model.Config.Task == own.Task && model.Config.NumLabels == own.NumLabels;
            model.Fill(checkpoint, mayDraw: !isSame);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

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
    /// <exception cref="ArgumentException">A sequence is too long.</exception>
    public Tensor HiddenStates(Tensor ids, SequenceLayout layout, Tensor? types = null)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(layout);
        if (layout.Longest > Config.LongestSequence)
        {
            throw new ArgumentException(
                $"A sequence of {layout.Longest} tokens is longer than the {Config.LongestSequence} that "
                + $"max_position_embeddings={Config.MaxPositionEmbeddings} allows. Shorten it.", nameof(layout));
        }

        using var scope = NewDisposeScope();
        var hidden = _words.forward(ids);   // [tokens, hidden_size]
        if (_positions is not null)
        {
            hidden = hidden.Plus(_positions.forward(layout.Positions(ids.device).Plus(Config.FirstPosition)));
        }

        if (_types is not null)
        {
            hidden = hidden.Plus(_types.forward(Config.Architecture.OneTokenType ? zeros_like(ids)
                : types ?? zeros_like(ids)));
        }

        hidden = _norm.forward(hidden, float32);
        foreach (var layer in _layers)
        {
            hidden = GradientCheckpointing
                ? LayerCheckpoint.Apply(layer, hidden, input => layer.forward(input, layout, ComputeType))
                : layer.forward(hidden, layout, ComputeType);
        }

        hidden = _finalNorm?.forward(hidden, float32) ?? hidden;
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>Computes what the task asks for of states.</summary>
    /// <param name="hidden">float32 [tokens, hidden_size]; of a masked language model also those of some tokens
    /// alone.</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <returns>float32, as <see cref="forward"/> answers.</returns>
    public Tensor Head(Tensor hidden, SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(layout);
        return _head?.Apply(hidden, layout, ComputeType) ?? hidden.alias();
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

    /// <summary>Computes the mean loss of a classifier.</summary>
    /// <remarks>
    /// By the targets' type: cross-entropy of one label each (int64), or binary cross-entropy of each label on its own
    /// (float32, from 0 to 1), unless the configuration's <c>problem_type</c> is <c>regression</c>, whose loss is the
    /// squared difference. Places with the label <see cref="Unlabeled"/> are left out.
    /// </remarks>
    /// <param name="ids">int64 [tokens]</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <param name="targets">int64 [sequences], or [tokens] where tokens are classified; or float32 [sequences,
    /// labels], or [tokens, labels].</param>
    /// <returns>float32 scalar</returns>
    /// <exception cref="ArgumentException">A label is out of range, or there are more or fewer targets.</exception>
    /// <exception cref="InvalidOperationException">The task is no classification.</exception>
    public Tensor ClassificationLoss(Tensor ids, SequenceLayout layout, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(targets);
        if (Config.Task is not (EncoderTask.SequenceClassification or EncoderTask.TokenClassification))
        {
            throw new InvalidOperationException(
                $"The encoder's task is '{Config.Task}'; it has no labels. Load it as a classifier.");
        }

        using var scope = NewDisposeScope();
        var logits = forward(ids, layout);
        Check(targets, logits);
        return (targets.dtype == ScalarType.Int64
            ? nn.functional.cross_entropy(logits, targets, ignore_index: Unlabeled)
            : Config.IsRegression ? nn.functional.mse_loss(logits, targets)
            : nn.functional.binary_cross_entropy_with_logits(logits, targets)).MoveToOuterDisposeScope();
    }

    void ITrainedModel.Save(string folder, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var untracked = no_grad();
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"),
            [.. TrainableParameters.Select(one => TensorEntries.Of(one.Name, one.Weight.to(type)))]);
    }

    /// <summary>Releases the weights.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _rotary?.Dispose();
        }

        base.Dispose(disposing);
    }

    private nn.Module<Tensor, SequenceLayout, ScalarType, Tensor> Layer(string name, int index)
        => _rotary is null
            ? new EncoderLayer(name, Config) : new ModernBertLayer(name, Config, index, _rotary.Of(index)!);

    private static void Check(Tensor targets, Tensor logits)
    {
        var (rows, labels) = (logits.shape[0], logits.shape[1]);
        var isChoice = targets.dtype == ScalarType.Int64;
        if (!targets.shape.SequenceEqual(isChoice ? [rows] : logits.shape))
        {
            throw new ArgumentException(
                $"The targets have the shape [{string.Join(", ", targets.shape)}] of {targets.dtype}; expected int64 "
                + $"[{rows}] or float32 [{rows}, {labels}].", nameof(targets));
        }

        if (isChoice && targets.data<long>() is var all
            && all.Select((label, place) => (Label: label, Place: place)).FirstOrDefault(one =>
                one.Label != Unlabeled && (one.Label < 0 || one.Label >= labels), (0, -1)) is { Place: >= 0 } bad)
        {
            throw new ArgumentException(
                $"The label at {bad.Place} is {bad.Label}; expected one from 0 to {labels - 1}, or {Unlabeled} for a "
                + "place that teaches nothing.", nameof(targets));
        }
    }

    private void Fill(Checkpoint checkpoint, bool mayDraw)
    {
        var family = Config.Architecture;
        var parameters = TrainableParameters.ToLookup(one =>
            mayDraw && Heads(family).Any(head => IsIn(one.Name, head))
            && checkpoint.FindTensor(one.Name)?.Shape.SequenceEqual(one.Weight.shape) != true);
        DrawnWeights = [.. parameters[true].Select(one => one.Name)];
        CheckpointWeights.Load(
            [.. parameters[false]], checkpoint, "Its configuration and its weights are not of one model.",
            name => Heads(family).Concat(family.Unused).Any(head =>
                IsIn(name, head) || IsIn($"{family.Body}.{name}", head)));
    }

    // What the heads of all tasks hold, by their paths.
    private static IEnumerable<string> Heads(EncoderArchitecture family) => family.Heads.Values
        .SelectMany(head => new[] { head.Output, head.Dense, head.Norm, head.Bias }).OfType<string>();

    private static bool IsIn(string name, string module) =>
        name == module || name.StartsWith($"{module}.", StringComparison.Ordinal);
}
