using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>A decoder of equal layers between an embedding and a norm.</summary>
internal abstract class LayeredDecoder : DecoderArchitecture
{
    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs)
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

    public override GraphValue Head(ModuleScope root, GraphValue hidden) =>
        Head(root, hidden, HeadBias(root.Config));

    /// <summary>What the checkpoint calls its parts.</summary>
    protected virtual DecoderNames Names => DecoderNames.Default;

    protected override ModuleScope OutputLayer(ModuleScope root) => root[Names.Head];

    protected override ModuleScope Embedding(ModuleScope root) => Model(root)[Names.Embedding];

    /// <summary>The module that holds embedding, layers and last norm.</summary>
    protected virtual ModuleScope Model(ModuleScope root) => root[Names.Model];

    /// <summary>Whether the head has a bias.</summary>
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
    protected abstract RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer);

    /// <summary>One layer: attention and feed-forward, each after a norm and added to the stream.</summary>
    protected abstract void Layer(DecoderLayer layer, ResidualStream stream);

    /// <summary>A layer whose attention comes first; the feed-forward block reads what it gave.</summary>
    protected void Sequential(DecoderLayer layer, ResidualStream stream, string first, string second)
    {
        var normed = Norm(layer[first], stream, layer.Sizes);
        stream.Add(layer.Scope, Attend(layer, normed));
        normed = Norm(layer[second], stream, layer.Sizes);
        stream.Add(layer.Scope, Feed(layer, normed));
    }

    /// <summary>A layer whose attention and feed-forward block read the same states.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="stream">The hidden states.</param>
    /// <param name="first">The norm before attention.</param>
    /// <param name="second">The norm before the feed-forward block; null for the same.</param>
    protected void Parallel(DecoderLayer layer, ResidualStream stream, string first, string? second = null)
    {
        var normed = Norm(layer[first], stream, layer.Sizes);
        var attended = Attend(layer, normed);
        var fed = Feed(layer, second is null ? normed : Norm(layer[second], stream, layer.Sizes));
        stream.Add(layer.Scope, attended);
        stream.Add(layer.Scope, fed);
    }

    /// <summary>A norm of the stream.</summary>
    protected abstract GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes);

    /// <summary>The attention of a layer.</summary>
    protected virtual GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        Attention(layer.Config, layer.Sizes, layer.Index)
            .Build(layer[Names.Attention], x, layer.Inputs, layer.Rotary, layer.Index);

    /// <summary>What a layer's attention is like.</summary>
    protected abstract GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer);

    /// <summary>The feed-forward block of a layer.</summary>
    protected abstract GraphValue Feed(DecoderLayer layer, GraphValue x);
}

/// <summary>What a checkpoint calls the parts of a decoder.</summary>
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
