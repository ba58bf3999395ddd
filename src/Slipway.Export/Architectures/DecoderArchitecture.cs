using Slipway.Checkpoints;
using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;
using Slipway.Packaging;

namespace Slipway.Export.Architectures;

/// <summary>A decoder: how its hidden states are computed from token ids.</summary>
/// <remarks>One file an architecture, and one row in <see cref="DecoderArchitectures"/>.</remarks>
internal abstract class DecoderArchitecture : Architecture
{
    /// <summary>The family's name in <c>genai_config.json</c>.</summary>
    public abstract string PackageType { get; }

    /// <summary>Whether the head is the embedding where the configuration does not say.</summary>
    public virtual bool TiedByDefault => false;

    /// <summary>The names of what layers carry from step to step beside keys and values.</summary>
    public virtual IReadOnlyList<string> States => [];

    /// <summary>The sizes that <c>genai_config.json</c> states.</summary>
    public abstract DecoderSizes Sizes(ConfigReader config);

    /// <summary>Builds the layers.</summary>
    /// <param name="root">The model's root.</param>
    /// <param name="inputs">The graph's inputs.</param>
    /// <returns>The last hidden states after the last norm, [batch, sequence, hidden].</returns>
    public abstract GraphValue Forward(ModuleScope root, DecoderInputs inputs);

    public override int LongestSequence(ConfigReader config) => Sizes(config).ContextLength;

    public override void Build(ModelBuild build, Checkpoint checkpoint)
    {
        ModuleScope root = new(build);
        FindEmbedding(root);
        DecoderInputs inputs = new(root.Graph);
        var hidden = Forward(root, inputs);
        NodeScope last = new(root.Graph, "/logits_to_keep");
        var kept = last.Slice(hidden, last.Neg(inputs.Kept), last.Ints(long.MaxValue), last.Ints(1));
        var logits = Head(root, kept);
        inputs.Complete(root.Graph.Rename(logits, "logits"), Sizes(build.Config).VocabularySize);
    }

    public override void Describe(
        PackageWriter package, Checkpoint checkpoint, ConfigReader config, string graphFile, int contextLength,
        GenAISlidingWindow? window) =>
        package.Write(PackageDescription.Config(checkpoint, config, this, graphFile, contextLength, window));

    /// <summary>Builds the head.</summary>
    /// <param name="root">The model's root.</param>
    /// <param name="hidden">[batch, kept, hidden].</param>
    /// <returns>[batch, kept, vocabulary].</returns>
    public virtual GraphValue Head(ModuleScope root, GraphValue hidden) => Head(root, hidden, bias: false);

    /// <summary>Builds a head that is the embedding, or a layer of its own.</summary>
    protected GraphValue Head(ModuleScope root, GraphValue hidden, bool bias)
    {
        var sizes = Sizes(root.Config);
        var head = OutputLayer(root);
        return IsTied(root)
            ? Embedding(root).Matrix("weight", sizes.VocabularySize, sizes.HiddenSize)
                .Multiply(head, hidden, bias ? head.Vector("bias", sizes.VocabularySize) : default)
            : head.Linear(hidden, sizes.HiddenSize, sizes.VocabularySize, bias);
    }

    /// <summary>Whether the head is the embedding: the configuration says so, and no other head is stored.</summary>
    /// <exception cref="CheckpointException">The head is a layer of its own, and the checkpoint has none.</exception>
    protected bool IsTied(ModuleScope root)
    {
        var head = OutputLayer(root);
        if (!IsTiedByConfiguration(root.Config))
        {
            return head.Has("weight") ? false : throw new CheckpointException(
                $"The checkpoint '{root.Config.Path}' lacks the "
                + $"head '{head.NameOf("weight")}', and 'tie_word_embeddings' "
                + "in its configuration does not say that the embedding is the head. Set 'tie_word_embeddings' to "
                + "'true' "
                + "where it is, or put the weight file that holds the head beside the others.",
                root.Config.Path, head.NameOf("weight"));
        }

        return head.Has("weight") is false
            || root.Build.Tensors.Tie(head.NameOf("weight"), Embedding(root).NameOf("weight"));
    }

    /// <summary>The module that holds the head.</summary>
    protected virtual ModuleScope OutputLayer(ModuleScope root) => root["lm_head"];

    /// <summary>The module that holds the token embedding.</summary>
    protected virtual ModuleScope Embedding(ModuleScope root) => root["model"]["embed_tokens"];

    private bool IsTiedByConfiguration(ConfigReader config) => config.Flag("tie_word_embeddings", TiedByDefault);

    // Some libraries keep one of two tensors that are the same, and not always the embedding.
    private void FindEmbedding(ModuleScope root)
    {
        string embedding = Embedding(root).NameOf("weight"), head = OutputLayer(root).NameOf("weight");
        if (IsTiedByConfiguration(root.Config) && !root.Build.Tensors.Has(embedding))
        {
            root.Build.Tensors.Alias(embedding, head);
        }
    }
}

/// <summary>The sizes of a decoder that readers of a package need.</summary>
internal sealed record DecoderSizes(
    int VocabularySize, int HiddenSize, int Layers, int Heads, int KeyValueHeads, int HeadDim, int ContextLength)
{
    /// <summary>How many of the first layers have keys and values of their own.</summary>
    public int CachedLayers { get; init; } = Layers;
}
