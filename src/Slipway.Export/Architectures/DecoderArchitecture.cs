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
        DecoderInputs inputs = new(root.Graph);
        GraphValue hidden = Forward(root, inputs);
        NodeScope last = new(root.Graph, "/logits_to_keep");
        GraphValue kept = last.Slice(hidden, last.Neg(inputs.Kept), last.Ints(long.MaxValue), last.Ints(1));
        GraphValue logits = Head(root, kept);
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
    public virtual GraphValue Head(ModuleScope root, GraphValue hidden) => Head(root, "lm_head", hidden, bias: false);

    /// <summary>Builds a head that is the embedding, or a layer of its own.</summary>
    protected GraphValue Head(ModuleScope root, string name, GraphValue hidden, bool bias)
    {
        DecoderSizes sizes = Sizes(root.Config);
        ModuleScope head = root[name];
        if (!root.Config.Flag("tie_word_embeddings", TiedByDefault))
        {
            return head.Linear(hidden, sizes.HiddenSize, sizes.VocabularySize, bias);
        }

        root.Build.Tensors.Ignore(head.NameOf("weight"));
        return Embedding(root).Matrix("weight", sizes.VocabularySize, sizes.HiddenSize)
            .Multiply(head, hidden, bias ? head.Vector("bias", sizes.VocabularySize) : default);
    }

    /// <summary>The module that holds the token embedding.</summary>
    protected virtual ModuleScope Embedding(ModuleScope root) => root["model"]["embed_tokens"];
}

/// <summary>The sizes of a decoder that readers of a package need.</summary>
internal sealed record DecoderSizes(
    int VocabularySize, int HiddenSize, int Layers, int Heads, int KeyValueHeads, int HeadSize, int ContextLength)
{
    /// <summary>How many of the first layers have keys and values of their own.</summary>
    public int CachedLayers { get; init; } = Layers;
}
