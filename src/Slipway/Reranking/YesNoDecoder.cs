using Slipway.Encoders;
using Slipway.Packaging;

namespace Slipway.Reranking;

/// <summary>Scores pairs by the token with which a decoder would answer: how much more it is a yes than a no.</summary>
/// <remarks>
/// Pairs run together in the model's engine, and what their prompts have in common is computed once.
/// Source: Qwen3 Embedding (arXiv 2506.05176); Sentence Transformers' <c>LogitScore</c>.
/// </remarks>
internal sealed class YesNoDecoder : IPairScorer
{
    private readonly LanguageModel _model;
    private readonly RerankPrompt _prompt;
    private readonly EncoderTelemetry _telemetry;
    private readonly SemaphoreSlim _running;
    private readonly int _true;
    private readonly int? _false;

    private YesNoDecoder(LanguageModel model, OnnxRerankerOptions options, LanguageModelOptions modelOptions)
    {
        _model = model;
        var files = new PackageFiles(model.Package);
        var settings = new SentenceSettings(files);
        (_true, _false) = Tokens(files, options);
        _prompt = RerankPrompt.Read(
            model, settings, options, options.ContextLength ?? Math.Min(
                settings.MaxLength ?? int.MaxValue, model.ContextLength));
        IsSigmoid = RerankActivation.IsSigmoid(files, labels: 1);
        _running = new(modelOptions.MaxBatchSize);
        _telemetry = new EncoderTelemetry(options.Name, "rerank");
    }

    public bool IsSigmoid { get; }

    /// <summary>Opens a package.</summary>
    public static YesNoDecoder Load(OnnxRerankerOptions options)
    {
        var modelOptions = options.ToModelOptions() with { ContextLength = options.ContextLength };
        var model = LanguageModel.Load(options.PackagePath!, modelOptions);
        try
        {
            return new YesNoDecoder(model, options, modelOptions);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    public async Task<float[]> ScoreAsync(
        IReadOnlyList<(string Query, string Passage)> pairs, CancellationToken cancellationToken)
    {
        var prompts = await Task.Run(
            () => pairs.Select(pair => _prompt.Encode(pair.Query, pair.Passage, cancellationToken)).ToArray(),
            cancellationToken).ConfigureAwait(false);
        float[] logits = [];
        await _telemetry.RecordAsync(prompts.Length, prompts.Sum(prompt => (long)prompt.Length), async () =>
            logits = await Task.WhenAll(prompts.Select(prompt => ScoreAsync(prompt, cancellationToken)))
                .ConfigureAwait(false)).ConfigureAwait(false);
        return logits;
    }

    public void Dispose()
    {
        _model.Dispose();
        _telemetry.Dispose();
    }

    private async Task<float> ScoreAsync(int[] prompt, CancellationToken cancellationToken)
    {
        await _running.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _model.LastLogitsAsync(
                prompt, logits => logits[_true] - (_false is { } no ? logits[no] : 0), cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            _running.Release();
        }
    }

    // What the model's own files say, unless the options name other tokens.
    private (int True, int? False) Tokens(PackageFiles files, OnnxRerankerOptions options)
    {
        if (options.TrueToken is null && options.FalseToken is null && LogitScoreFile(files) is { } file)
        {
            return (
                Id(files.Number(file, "true_token_id"), "true_token_id")
                    ?? throw new PackageException(
                        files.Path, $"'{file}' of '{files.Path}' has no 'true_token_id'. Add it, or set TrueToken."),
                Id(files.Number(file, "false_token_id"), "false_token_id"));
        }

        return (Token(options.TrueToken ?? "yes", nameof(options.TrueToken)),
            Token(options.FalseToken ?? "no", nameof(options.FalseToken)));

        int? Id(int? id, string key) => id is null || (id >= 0 && id < _model.VocabularySize)
            ? id
            : throw new PackageException(
                files.Path,
                $"'{key}' of '{files.Path}' is '{id}'; expected a token id below {_model.VocabularySize}. Mend the "
                + "file, or set TrueToken and FalseToken.");
    }

    private int Token(string text, string option) => _model.Tokenizer.TokenToId(text)
        ?? (_model.Tokenizer.Encode(text, addSpecialTokens: false) is [var id] ? id : (int?)null)
        ?? throw new ArgumentException(
            $"{option} is '{Excerpt.Of(text)}', which is no single token of '{_model.Package.Path}'. Name the token "
            + "with which the model answers.", option);

    private static string? LogitScoreFile(PackageFiles files) => files.Modules()
        .Where(module => module.Type.EndsWith(".LogitScore", StringComparison.Ordinal))
        .Select(module => $"{module.Path}/config.json").FirstOrDefault();
}
