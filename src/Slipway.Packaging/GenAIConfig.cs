using System.Text.Json.Nodes;

namespace Slipway.Packaging;

/// <summary>Holds <c>genai_config.json</c>, the description of a package that ONNX Runtime GenAI reads too.</summary>
/// <remarks>
/// Property names are the file's keys in Pascal case. Keys that are not listed here are ignored when a package
/// made elsewhere is opened. Source: ONNX Runtime GenAI's configuration reference.
/// </remarks>
public sealed record GenAIConfig
{
    /// <summary>Describes the model, its files and its tensor names.</summary>
    public required GenAIModel Model { get; init; }

    /// <summary>The defaults of token search.</summary>
    public GenAISearch Search { get; init; } = new();
}

/// <summary>Describes the model of a package.</summary>
public sealed record GenAIModel
{
    /// <summary>
    /// The model family as ONNX Runtime GenAI names it, for example <c>llama</c>; <c>decoder</c> is generic.
    /// </summary>
    public required string Type { get; init; }

    /// <summary>Entries of the vocabulary, the last dimension of the logits.</summary>
    public required int VocabSize { get; init; }

    /// <summary>The longest sequence in tokens, prompt and answer together.</summary>
    public required int ContextLength { get; init; }

    /// <summary>The token that begins a sequence, where the model has one.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>The tokens that end an answer; a single number in the file is a list of one.</summary>
    public IReadOnlyList<int> EosTokenId { get; init; } = [];

    /// <summary>The token that fills unused positions, where the model has one.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>The decoder graph.</summary>
    public required GenAIDecoder Decoder { get; init; }
}

/// <summary>Describes the decoder graph of a package.</summary>
public sealed record GenAIDecoder
{
    /// <summary>The graph file, relative to the package folder.</summary>
    public required string Filename { get; init; }

    /// <summary>Elements of one attention head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Elements of one hidden state.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Query heads of a layer.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Key and value heads of a layer.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>The graph's input names by role; <c>%d</c> stands for the layer.</summary>
    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>The graph's output names by role; <c>%d</c> stands for the layer.</summary>
    public required IReadOnlyDictionary<string, string> Outputs { get; init; }

    /// <summary>The layers that keep keys and values of their last tokens only; null for none.</summary>
    public GenAISlidingWindow? SlidingWindow { get; init; }

    /// <summary>Session options for ONNX Runtime GenAI, as they stand in the file.</summary>
    public JsonObject? SessionOptions { get; init; }
}

/// <summary>Describes layers that see a window of the last tokens and keep little more.</summary>
public sealed record GenAISlidingWindow
{
    /// <summary>Tokens that such a layer sees, the own one included.</summary>
    public required int WindowSize { get; init; }

    /// <summary>Tokens that it keeps beyond those at most; 0 stands for 16, as in ONNX Runtime GenAI.</summary>
    public int CacheSlack { get; init; }

    /// <summary>The layers; null and none stand for all.</summary>
    public IReadOnlyList<int>? Layers { get; init; }

    /// <summary>
    /// Tells whether the caller, not the graph, makes the oldest tokens give way; null stands for true.
    /// </summary>
    public bool? SlideKeyValueCache { get; init; }

    /// <summary>Tells whether the caller cuts the prompt into windows; null stands for true.</summary>
    public bool? SlideInputs { get; init; }
}

/// <summary>Holds the defaults of token search.</summary>
public sealed record GenAISearch
{
    /// <summary>Tells whether tokens are sampled; greedy where false.</summary>
    public bool DoSample { get; init; }

    /// <summary>Divisor of the logits.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Number of the most probable tokens that are kept; 0 keeps all.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>The probability mass that is kept.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>The longest sequence in tokens, prompt and answer together.</summary>
    public int MaxLength { get; init; }

    /// <summary>The shortest sequence in tokens.</summary>
    public int MinLength { get; init; }

    /// <summary>Divisor of the logits of tokens that occurred; 1 changes nothing.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Length of word groups that may not repeat; 0 allows all.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Beams of a beam search; 1 is none.</summary>
    public int NumBeams { get; init; } = 1;

    /// <summary>Answers to a prompt.</summary>
    public int NumReturnSequences { get; init; } = 1;

    /// <summary>Penalty between groups of beams.</summary>
    public double DiversityPenalty { get; init; }

    /// <summary>Exponent of the length in the score of a beam.</summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>Tells whether a beam search ends with its first full set of finished beams.</summary>
    public bool EarlyStopping { get; init; } = true;

    /// <summary>Tells whether past and present keys and values may be one buffer.</summary>
    public bool PastPresentShareBuffer { get; init; } = true;
}
