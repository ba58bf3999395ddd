using System.Text;
using Slipway.Checkpoints;
using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Sentences;
using Slipway.Onnx;
using Slipway.Onnx.Operators;
using Slipway.Packaging;

namespace Slipway.Export.Architectures.Encoders;

/// <summary>An encoder: how hidden states are computed from whole texts, and what is made of them.</summary>
/// <remarks>
/// One file a family, and one row for each of its tasks in <see cref="ArchitectureTable"/>. A checkpoint with
/// <c>modules.json</c> beside it is a sentence-embedding model: its graph has <c>sentence_embedding</c> too, whatever
/// head the configuration names.
/// </remarks>
internal abstract class EncoderArchitecture(EncoderTask task) : Architecture
{
    /// <summary>The name that the layers have in a checkpoint with a head.</summary>
    protected abstract string Body { get; }

    /// <summary>The module that holds the layers.</summary>
    protected virtual ModuleScope BodyOf(ModuleScope root) => root[Body];

    /// <summary>The names that modules beside the layers have, so that those of other tasks are known.</summary>
    protected abstract IReadOnlyList<string> Heads { get; }

    /// <summary>The size of a hidden state.</summary>
    protected virtual int HiddenSize(ConfigReader config) => config.Int("hidden_size");

    /// <summary>Tells whether tokens have types.</summary>
    protected virtual bool HasTokenTypes(ConfigReader config) => false;

    /// <summary>Builds the layers.</summary>
    /// <param name="body">The module that holds them.</param>
    /// <param name="inputs">The graph's inputs.</param>
    /// <returns>[batch, sequence, hidden].</returns>
    protected abstract GraphValue Forward(ModuleScope body, EncoderInputs inputs);

    /// <summary>Pooled output of the first hidden state; default where the checkpoint has no pooler.</summary>
    protected virtual GraphValue Pool(ModuleScope body, GraphValue hidden) => default;

    /// <summary>The logits of the vocabulary, [batch, sequence, vocabulary].</summary>
    protected abstract GraphValue MaskedToken(ModuleScope root, ModuleScope body, GraphValue hidden);

    /// <summary>The logits of labels for each text, [batch, labels].</summary>
    protected abstract GraphValue ClassifySequence(
        ModuleScope root, ModuleScope body, GraphValue hidden, EncoderInputs inputs, int labels);

    /// <summary>The logits of labels at each position, [batch, sequence, labels].</summary>
    protected virtual GraphValue ClassifyTokens(ModuleScope root, GraphValue hidden, int labels) =>
        root["classifier"].Linear(hidden, HiddenSize(root.Config), labels, bias: true);

    // Rounded hidden states move all-MiniLM's embeddings to a cosine of 0.998; exact ones keep 0.9996.
    public override bool ExactActivations => true;

    public override void Build(ModelBuild build, Checkpoint checkpoint)
    {
        ModuleScope root = new(build);
        var config = build.Config;
        var body = BodyOf(root);
        EncoderInputs inputs = new(root.Graph, HasTokenTypes(config));
        var size = HiddenSize(config);
        var hidden = Forward(body, inputs);
        var sentence = SentenceModules.Read(checkpoint);
        if (sentence is not null || task == EncoderTask.Features)
        {
            hidden = Output(root, hidden, "last_hidden_state", "batch", "sequence", size);
            if (sentence is not null)
            {
                var (embedding, length) = sentence.Build(root, hidden, size, inputs);
                Output(root, embedding, "sentence_embedding", "batch", length);
            }
            else if (Pool(body, hidden) is var pooled && pooled != default)
            {
                Output(root, pooled, "pooler_output", "batch", size);
            }
        }
        else if (task == EncoderTask.MaskedToken)
        {
            Output(
                root, MaskedToken(root, body, hidden), "logits", "batch", "sequence", config.Int("vocab_size"));
        }
        else
        {
            var labels = Labels(config);
            if (task == EncoderTask.SequenceClassification)
            {
                Output(root, ClassifySequence(root, body, hidden, inputs, labels), "logits", "batch", labels);
            }
            else
            {
                Output(root, ClassifyTokens(root, hidden, labels), "logits", "batch", "sequence", labels);
            }
        }

        IgnoreHeads(build);
    }

    public override void Describe(
        PackageWriter package, Checkpoint checkpoint, ConfigReader config, string graphFile, int contextLength,
        GenAISlidingWindow? window)
    {
        package.Write("config.json", Encoding.UTF8.GetBytes(checkpoint.Config.ToJsonString()));
        SentenceModules.Copy(checkpoint, package);
    }

    /// <summary>The first position of each text, [batch, hidden].</summary>
    protected static GraphValue First(NodeScope scope, GraphValue hidden) =>
        scope.Gather(hidden, scope.Int(0), axis: 1);

    /// <summary>The head over the vocabulary, whose matrix is the token embedding or one of its own.</summary>
    /// <param name="own">Where the head's own matrix is.</param>
    /// <param name="embedding">The token embedding.</param>
    /// <param name="bias">The name of the bias, [vocabulary]; null for none.</param>
    /// <param name="x">[batch, sequence, hidden].</param>
    protected GraphValue Vocabulary(ModuleScope own, ModuleScope embedding, string? bias, GraphValue x)
    {
        var config = own.Config;
        var size = config.Int("vocab_size");
        var tied = config.Flag("tie_word_embeddings", true)
            && (!own.Has("weight") || own.Build.Tensors.Tie(own.NameOf("weight"), embedding.NameOf("weight")));
        var added = bias is null ? default
            : own.StoreVector("bias", own.Build.Tensors.Vector(Bias(own, bias), size));
        return (tied ? embedding : own).Matrix("weight", size, HiddenSize(config)).Multiply(own, x, added);
    }

    // Heads are saved with a bias of their own and with one beside them, which are the same unless training parted
    // them.
    private static string Bias(ModuleScope own, string beside)
    {
        var inside = own.NameOf("bias");
        return !own.Has("bias") || own.Build.Tensors.Tie(inside, beside) ? beside : inside;
    }

    private static int Labels(ConfigReader config) => config.Section("id2label")?.Count is > 0 and var count
        ? count
        : config.Int("num_labels", 2);

    private static GraphValue Output(
        ModuleScope root, GraphValue value, string name, params IReadOnlyList<Dimension> shape)
    {
        var named = root.Graph.Rename(value, name);
        root.Graph.AddOutput(named, ElementType.Float32, shape);
        return named;
    }

    // Heads of other tasks are known to be unneeded.
    private void IgnoreHeads(ModelBuild build)
    {
        foreach (var name in build.Tensors.Unused().Where(name => Heads.Any(head =>
            name.StartsWith($"{head}.", StringComparison.Ordinal)
            || name.StartsWith($"{Body}.{head}.", StringComparison.Ordinal)
            || name.EndsWith("position_ids", StringComparison.Ordinal))))
        {
            build.Tensors.Ignore(name);
        }
    }
}
