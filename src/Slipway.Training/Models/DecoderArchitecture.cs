namespace Slipway.Training.Models;

/// <summary>Names what sets one decoder architecture apart from Llama.</summary>
/// <param name="Name">The class name in <c>architectures</c>.</param>
public sealed record DecoderArchitecture(string Name)
{
    /// <summary>The keys of <c>config.json</c> that have other names than Llama's, by Llama's.</summary>
    internal IReadOnlyDictionary<string, string> Keys { get; init; } = new Dictionary<string, string>();

    internal DecoderNames Names { get; init; } = new();

    /// <summary>Tells whether queries, keys and values have biases where the configuration is silent.</summary>
    internal bool QueryKeyValueBias { get; init; }

    /// <summary>Tells whether <c>attention_bias</c> also gives <c>o_proj</c> a bias.</summary>
    internal bool OutputBiasFollowsAttentionBias { get; init; } = true;

    /// <summary>Tells whether each query and key head passes an RMSNorm of its own.</summary>
    internal bool QueryKeyNorm { get; init; }

    /// <summary>Tells whether the head has the embedding's weights where the configuration is silent.</summary>
    internal bool TiedByDefault { get; init; }

    /// <summary>Constant that norms add to their weights.</summary>
    internal double NormOffset { get; init; }

    /// <summary>Tells whether what a block answers passes a norm before it is added.</summary>
    internal bool PostNorms { get; init; }

    /// <summary>Tells whether embeddings are multiplied by the root of their width.</summary>
    internal bool ScaledEmbedding { get; init; }

    /// <summary>Tells whether query, key and value, and gate and up, are one matrix each.</summary>
    internal bool FusedProjections { get; init; }

    /// <summary>The key of the activation, and its value where the configuration is silent.</summary>
    internal (string Key, string Absent) Activation { get; init; } = ("hidden_act", "silu");

    /// <summary>A layer's window, in tokens; null where it sees all before it.</summary>
    internal Func<ModelConfig, int, int?> Window { get; init; } = LayerWindows.ByTypes;

    /// <summary>A layer's rotary positions; null where it has none.</summary>
    internal Func<ModelConfig, int, RopeParameters?> Rope { get; init; } = LayerPositions.Same;

    /// <summary>A layer's experts; null where its feed-forward block is one for all tokens.</summary>
    internal Func<ModelConfig, int, ExpertSettings?> Experts { get; init; } = (_, _) => null;

    /// <summary>Tells whether the model has norms with a mean, learned positions and plain feed-forward blocks,
    /// with matrices stored transposed.</summary>
    internal bool IsGpt2 { get; init; }
}

/// <summary>Names the modules of a decoder.</summary>
internal sealed record DecoderNames(
    string Model = "model", string Embedding = "embed_tokens", string Layers = "layers", string Norm = "norm");

/// <summary>Describes a layer's experts and how they are chosen.</summary>
/// <param name="Module">The block's name in its layer.</param>
/// <param name="Count">Experts.</param>
/// <param name="Chosen">Experts of each token.</param>
/// <param name="IntermediateSize">The width inside an expert.</param>
/// <param name="Normalize">Whether the weights of the chosen are scaled to a sum of 1.</param>
/// <param name="Names">The names of an expert's matrices: gate, up, down.</param>
internal sealed record ExpertSettings(
    string Module, int Count, int Chosen, int IntermediateSize, bool Normalize,
    (string Gate, string Up, string Down) Names);
