using Slipway.Engine.Adapters;
using Slipway.Engine.Cache;

namespace Slipway.Engine.Execution;

/// <summary>Holds a decoder that is ready to run, and what a model must know of it.</summary>
/// <remarks>Disposing frees what the decoder runs on, after the decoder itself was disposed.</remarks>
internal sealed record OpenedDecoder : IDisposable
{
    /// <summary>The decoder.</summary>
    public required IDecoder Decoder { get; init; }

    /// <summary>Logits of one token.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Bytes of a sequence's keys, values and states.</summary>
    public required SequenceSize Size { get; init; }

    /// <summary>The graph's file.</summary>
    public required string Path { get; init; }

    /// <summary>The provider and its device, such as <c>cpu</c> or <c>cuda:0</c>.</summary>
    public required string Provider { get; init; }

    /// <summary>Whose kernels compute, in words.</summary>
    public required string Kernels { get; init; }

    /// <summary>Tells whether keys and values of a slot can be copied out and in again.</summary>
    public bool CopiesTokens { get; init; } = true;

    /// <summary>The adapters beside the model, which the decoder disposes; null for none.</summary>
    public AdapterSet? Adapters { get; init; }

    /// <summary>The session and the graph in it, where this library runs it; null elsewhere.</summary>
    public (Microsoft.ML.OnnxRuntime.InferenceSession Session, DecoderGraph Graph)? Graph { get; init; }

    /// <summary>Owns what the decoder runs on.</summary>
    public required IDisposable Runtime { get; init; }

    public void Dispose() => Runtime.Dispose();
}
