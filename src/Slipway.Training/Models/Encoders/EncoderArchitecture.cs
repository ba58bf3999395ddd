using Slipway.Training.Modules;

namespace Slipway.Training.Models.Encoders;

/// <summary>Names what sets one family of encoders apart from BERT.</summary>
/// <param name="Name">What the class names in <c>architectures</c> begin with.</param>
/// <param name="Body">The module that holds embeddings and layers.</param>
internal sealed record EncoderArchitecture(string Name, string Body)
{
    /// <summary>The keys of <c>config.json</c> that have other names than BERT's, by BERT's.</summary>
    public IReadOnlyDictionary<string, string> Keys { get; init; } = new Dictionary<string, string>();

    public EncoderNames Names { get; init; } = new();

    /// <summary>The heads of the tasks that have one.</summary>
    public IReadOnlyDictionary<EncoderTask, EncoderHeadNames> Heads { get; init; } =
        new Dictionary<EncoderTask, EncoderHeadNames>();

    /// <summary>Modules of a checkpoint that no task here uses, such as poolers and heads of pre-training.</summary>
    public IReadOnlyList<string> Unused { get; init; } = [];

    /// <summary>Tells whether positions count from after the padding's id.</summary>
    public bool PositionsAfterPadding { get; init; }

    /// <summary>Tells whether tokens are of one kind, the first.</summary>
    public bool OneTokenType { get; init; }

    /// <summary>Constant of norms that the configuration cannot change; null where it can.</summary>
    public double? NormEpsilon { get; init; }

    /// <summary>Tells whether the layers are ModernBERT's: norms before blocks, rotary positions, gates.</summary>
    public bool IsModern { get; init; }
}

/// <summary>Names the modules of an encoder's body by their paths in it.</summary>
/// <param name="Words">The token embedding.</param>
/// <param name="Positions">The table of positions; null where positions are rotary.</param>
/// <param name="Types">The table of kinds of tokens; null for none.</param>
/// <param name="Norm">The norm of the embeddings.</param>
/// <param name="Layers">The list of layers.</param>
internal sealed record EncoderNames(
    string Words = "embeddings.word_embeddings", string? Positions = "embeddings.position_embeddings",
    string? Types = "embeddings.token_type_embeddings", string Norm = "embeddings.LayerNorm",
    string Layers = "encoder.layer")
{
    /// <summary>The modules of a layer, by their paths in it.</summary>
    public EncoderLayerNames Layer { get; init; } = new();
}

/// <summary>Names the modules of a layer whose norms stand behind its blocks, by their paths in it.</summary>
internal sealed record EncoderLayerNames(
    string Query = "attention.self.query", string Key = "attention.self.key", string Value = "attention.self.value",
    string Mixed = "attention.output.dense", string AfterAttention = "attention.output.LayerNorm",
    string Up = "intermediate.dense", string Down = "output.dense", string AfterFeedForward = "output.LayerNorm");

/// <summary>Names the modules of a head by their paths in the model: a matrix, an activation and a norm, then the
/// matrix of labels or of the vocabulary.</summary>
/// <param name="Output">The last matrix; the vocabulary's is the token embedding where weights are tied.</param>
/// <param name="Dense">The first matrix; null for none.</param>
/// <param name="Norm">The norm; null for none.</param>
/// <param name="Activation">The activation; null for the one that the configuration names.</param>
/// <param name="Bias">The bias of the last matrix where it is stored elsewhere; null for beside it.</param>
internal sealed record EncoderHeadNames(
    string Output, string? Dense = null, string? Norm = null, Activation? Activation = null, string? Bias = null);
