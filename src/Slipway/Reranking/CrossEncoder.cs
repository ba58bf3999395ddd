using Slipway.Encoders;

namespace Slipway.Reranking;

/// <summary>Scores pairs with an encoder, or a decoder over whole texts, that has one label.</summary>
internal sealed class CrossEncoder : IPairScorer
{
    private static readonly EncoderPurpose Purpose = new("rerank", typeof(OnnxReranker), "logits", Rank: 2, Refuse);

    private readonly TextEncoder _encoder;
    private readonly string _prompt;

    private CrossEncoder(TextEncoder encoder, OnnxRerankerOptions options)
    {
        _encoder = encoder;
        _prompt = encoder.Settings.Prompt(options.PromptName);
        IsSigmoid = RerankActivation.IsSigmoid(encoder.Files, labels: 1);
    }

    public bool IsSigmoid { get; }

    /// <summary>Opens a package.</summary>
    public static CrossEncoder Load(OnnxRerankerOptions options)
    {
        if ((options.Instruction ?? options.TrueToken ?? options.FalseToken) is not null)
        {
            throw new ArgumentException(
                "Instruction, TrueToken and FalseToken are for decoders that answer yes or no; the package "
                + $"'{options.PackagePath}' is a cross-encoder's. Leave them null, or set PromptName.",
                nameof(options));
        }

        var encoder = TextEncoder.Load(options, Purpose);
        try
        {
            return encoder.Shape[1] == 1
                ? new CrossEncoder(encoder, options)
                : throw new NotSupportedException(
                    $"The model of '{encoder.Package.Path}' has {encoder.Shape[1]} labels, so it ranks nothing. "
                    + "Classify pairs with OnnxTextClassifier, or give the package of a cross-encoder, a model for "
                    + "sequence classification with one label.");
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    public async Task<float[]> ScoreAsync(
        IReadOnlyList<(string Query, string Passage)> pairs, CancellationToken cancellationToken)
    {
        var texts = await Task.Run(
            () => pairs.Select(pair => _encoder.Encode((_prompt + pair.Query).Trim(), pair.Passage.Trim())).ToArray(),
            cancellationToken).ConfigureAwait(false);
        var logits = new float[pairs.Count];
        await _encoder.RunAsync(texts, (pair, values) => logits[pair] = values[0], null, cancellationToken)
            .ConfigureAwait(false);
        return logits;
    }

    public void Dispose() => _encoder.Dispose();

    private static NotSupportedException Refuse(EncoderModel model) => new(
        $"The model of '{model.Package.Path}' does not tell one logit for each pair, so it ranks nothing. Give the "
        + "package of a cross-encoder, a model for sequence classification with one label.");
}
