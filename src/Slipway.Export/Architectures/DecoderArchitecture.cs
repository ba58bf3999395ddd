using Slipway.Checkpoints;
using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Export.Modules.Sentences;
using Slipway.Onnx;
using Slipway.Onnx.Operators;
using Slipway.Packaging;

namespace Slipway.Export.Architectures;

/// <summary>A decoder: layers between an embedding and a norm, then a head.</summary>
/// <remarks>One file an architecture, and one row in <see cref="ArchitectureTable"/>.</remarks>
internal abstract class DecoderArchitecture : Architecture
{
    /// <summary>The family's name in <c>genai_config.json</c>.</summary>
    public abstract string PackageType { get; }

    /// <summary>The names of the parts in the checkpoint.</summary>
    public virtual DecoderNames Names => DecoderNames.Default;

    /// <summary>Tells whether the head is the embedding where the configuration does not say.</summary>
    public virtual bool TiedByDefault => false;

    /// <summary>The names of what layers carry from step to step beside keys and values.</summary>
    public virtual IReadOnlyList<string> States => [];

    /// <summary>The sizes that <c>genai_config.json</c> states.</summary>
    public abstract DecoderSizes Sizes(ConfigReader config);

    /// <summary>Builds embedding, layers and last norm.</summary>
    /// <param name="root">The model's root.</param>
    /// <param name="inputs">The graph's inputs.</param>
    /// <returns>The last hidden states after the last norm, [batch, sequence, hidden].</returns>
    public virtual GraphValue Forward(ModuleScope root, DecoderInputs inputs)
    {
        var sizes = Sizes(root.Config);
        var model = Model(root);
        RotaryTables tables = new(model["rotary_emb"], inputs);
        ResidualStream stream = new(Begin(model, inputs, sizes));
        for (var index = 0; index < sizes.Layers; index++)
        {
            var scope = model[Names.Layers][index];
            Layer(new DecoderLayer(scope, index, sizes, inputs, Rotary(tables, sizes, index)), stream);
        }

        return End(model, stream, sizes);
    }

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
        GenAISlidingWindow? window)
    {
        package.Write(PackageDescription.Config(checkpoint, config, this, graphFile, contextLength, window));
        SentenceModules.Copy(checkpoint, package);
    }

    /// <summary>Builds the head, which is the embedding or a layer of its own.</summary>
    /// <param name="root">The model's root.</param>
    /// <param name="hidden">[batch, kept, hidden].</param>
    /// <returns>[batch, kept, vocabulary].</returns>
    public virtual GraphValue Head(ModuleScope root, GraphValue hidden)
    {
        var sizes = Sizes(root.Config);
        var bias = HeadBias(root.Config);
        var head = OutputLayer(root);
        return IsTied(root)
            ? Embedding(root).Matrix("weight", sizes.VocabularySize, sizes.HiddenSize)
                .Multiply(head, hidden, bias ? head.Vector("bias", sizes.VocabularySize) : default)
            : head.Linear(hidden, sizes.HiddenSize, sizes.VocabularySize, bias);
    }

    /// <summary>
    /// Tells whether the head is the embedding: the configuration says so, and no other head is stored.
    /// </summary>
    /// <exception cref="CheckpointException">The head is a layer of its own, and the checkpoint has none.</exception>
    protected bool IsTied(ModuleScope root)
    {
        var head = OutputLayer(root);
        if (!IsTiedByConfiguration(root.Config))
        {
            return head.Has("weight") ? false : throw new CheckpointException(
                $"The checkpoint '{root.Config.Path}' lacks the head '{head.NameOf("weight")}', and "
                + "'tie_word_embeddings' in its configuration does not say that the embedding is the head. Set "
                + "'tie_word_embeddings' to 'true' where it is, or put the weight file that holds the head beside the "
                + "others.",
                root.Config.Path, head.NameOf("weight"));
        }

        return head.Has("weight") is false
            || root.Build.Tensors.Tie(head.NameOf("weight"), Embedding(root).NameOf("weight"));
    }

    /// <summary>The module that holds the head.</summary>
    protected ModuleScope OutputLayer(ModuleScope root) => root[Names.Head];

    /// <summary>The module that holds the token embedding.</summary>
    protected ModuleScope Embedding(ModuleScope root) => Model(root)[Names.Embedding];

    /// <summary>The module that holds embedding, layers and last norm.</summary>
    protected virtual ModuleScope Model(ModuleScope root) => root[Names.Model];

    /// <summary>Tells whether the head has a bias.</summary>
    protected virtual bool HeadBias(ConfigReader config) => false;

    /// <summary>The first hidden states.</summary>
    protected virtual GraphValue Begin(ModuleScope model, DecoderInputs inputs, DecoderSizes sizes) =>
        Embed(model[Names.Embedding], inputs.Ids, sizes);

    /// <summary>The rows of the embedding.</summary>
    protected virtual GraphValue Embed(ModuleScope scope, GraphValue ids, DecoderSizes sizes) =>
        scope.Embedding(ids, sizes.VocabularySize, sizes.HiddenSize);

    /// <summary>The last hidden states.</summary>
    protected virtual GraphValue End(ModuleScope model, ResidualStream stream, DecoderSizes sizes) =>
        Norm(model[Names.Norm], stream, sizes);

    /// <summary>A layer's rotary positions; null where it has none.</summary>
    protected virtual RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) => null;

    /// <summary>One layer, whose parts add to the stream.</summary>
    protected abstract void Layer(DecoderLayer layer, ResidualStream stream);

    /// <summary>A norm of the stream.</summary>
    protected abstract GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes);

    private bool IsTiedByConfiguration(ConfigReader config) => config.Flag("tie_word_embeddings", TiedByDefault);

    /// <summary>Lets the head stand for the embedding where a checkpoint holds that alone.</summary>
    /// <remarks>Some libraries keep one of two tensors that are the same, and not always the embedding.</remarks>
    public void FindEmbedding(ModuleScope root)
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
    /// <summary>Number of the first layers that have keys and values of their own.</summary>
    public int CachedLayers { get; init; } = Layers;
}

/// <summary>A layer that is being built, and what it is built from.</summary>
internal sealed record DecoderLayer(
    ModuleScope Scope, int Index, DecoderSizes Sizes, DecoderInputs Inputs, RotaryTable? Rotary)
{
    public ConfigReader Config => Scope.Config;

    public ModuleScope this[string name] => Scope[name];
}

/// <summary>The names of a decoder's parts in a checkpoint.</summary>
internal sealed record DecoderNames
{
    public static DecoderNames Default { get; } = new();

    public string Model { get; init; } = "model";

    public string Embedding { get; init; } = "embed_tokens";

    public string Layers { get; init; } = "layers";

    public string Attention { get; init; } = "self_attn";

    public string FeedForward { get; init; } = "mlp";

    public string Norm { get; init; } = "norm";

    public string Head { get; init; } = "lm_head";
}
