using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Tokenization;

namespace Slipway.Export;

/// <summary>A checkpoint whose tokenizer has another form, with the <c>tokenizer.json</c> that says the same.</summary>
internal sealed class TokenizedCheckpoint : Checkpoint
{
    private const string TokenizerFile = "tokenizer.json";

    private readonly Checkpoint _inner;
    private readonly byte[] _tokenizer;
    private readonly IReadOnlyList<string> _warnings;

    private TokenizedCheckpoint(Checkpoint inner)
        : base(inner.Path, inner.Format)
    {
        _inner = inner;
        _tokenizer = HuggingFaceTokenizer.ToJson(inner.TokenizerFolder, out _warnings);
    }

    /// <summary>Gives a checkpoint the file where it lacks it and has a tokenizer of another form.</summary>
    /// <exception cref="TokenizerFormatException">A tokenizer's file is damaged.</exception>
    public static Checkpoint Of(Checkpoint checkpoint)
        => checkpoint.ReadFile(TokenizerFile) is null && HuggingFaceTokenizer.Exists(checkpoint.TokenizerFolder)
            ? new TokenizedCheckpoint(checkpoint) : checkpoint;

    public override JsonObject Config => _inner.Config;

    public override IReadOnlyDictionary<string, TensorInfo> Tensors => _inner.Tensors;

    public override IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized => _inner.Quantized;

    public override string? Quantization => _inner.Quantization;

    public override IReadOnlyList<string> Warnings => [.. _inner.Warnings, .. _warnings];

    public override string TokenizerFolder => _inner.TokenizerFolder;

    public override bool IsQuantized(string name) => _inner.IsQuantized(name);

    public override byte[]? ReadFile(string name) => name == TokenizerFile ? _tokenizer : _inner.ReadFile(name);

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
        => _inner.ReadBytes(tensor.Name, start, destination);

    protected override void ReadFloatsCore(TensorInfo tensor, long start, Span<float> destination)
        => _inner.ReadFloats(tensor.Name, start, destination);

    protected override void ReadQuantizedCore(
        QuantizedTensorInfo tensor, long firstRow, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
        => _inner.ReadQuantized(tensor.Name, firstRow, codes, scales, zeroPoints);
}
