using Slipway.Export;
using Slipway.Packaging;

namespace Slipway.Calibration.Text;

/// <summary>Samples texts by the model itself.</summary>
internal static class OwnText
{
    /// <summary>The part of a calibration that sampling takes.</summary>
    public const double Share = 0.6;

    private const int BatchSize = 64;

    /// <summary>Returns the texts of an earlier time, or samples them.</summary>
    /// <remarks>
    /// They are sampled from an int4 package by the engine: of what the float model would write they differ little,
    /// and it takes a third of the time.
    /// </remarks>
    public static IReadOnlyList<int[]> Get(
        ModelPackage package, string source, CalibrationOptions options, IProgress<CalibrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        var cache = TextCache.Open(package, source, options);
        if (cache.TryRead() is { } texts)
        {
            return texts;
        }

        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            PackageQuantizer.Quantize(
                package.Path, folder, new QuantizeOptions { Method = "search" }, null, cancellationToken);
            texts = SampleAsync(folder, package, options, progress, cancellationToken).GetAwaiter().GetResult();
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        cache.Write(texts);
        return texts;
    }

    private static async Task<int[][]> SampleAsync(
        string folder, ModelPackage package, CalibrationOptions options, IProgress<CalibrationProgress>? progress,
        CancellationToken cancellationToken)
    {
        using var model = LanguageModel.Load(folder, new LanguageModelOptions
        {
            MaxBatchSize = BatchSize,
            QueueCapacity = options.Texts,
            ContextLength = options.TokensPerText,
            PrefixCacheBytes = 0,
            UseLargePages = false,
        });
        var random = new Random(options.Seed);
        var (done, total) = (0L, (long)options.Texts * options.TokensPerText);
        var firsts = new int[options.Texts];
        for (var index = 0; index < firsts.Length; index++)
        {
            // Half of them begin otherwise: prompts begin with any token.
            var any = random.Next(package.Config.Model.VocabSize);
            firsts[index] = index % 2 == 0 && package.Config.Model.BosTokenId is { } begin ? begin : any;
        }

        return await Task.WhenAll(firsts.Select(SampleOneAsync)).ConfigureAwait(false);

        async Task<int[]> SampleOneAsync(int first, int index)
        {
            List<int> ids = [first];
            await foreach (var token in model.GenerateAsync(
                new GenerationRequest
                {
                    PromptIds = [first],
                    MaxOutputTokens = options.TokensPerText - 1,
                    IgnoreEndOfSequence = true,
                    Sampling = new() { Temperature = 1, Seed = (long)options.Seed * options.Texts + index },
                },
                cancellationToken).ConfigureAwait(false))
            {
                ids.Add(token.Id);
                progress?.Report(new CalibrationProgress(
                    "sampling text", Share * Interlocked.Increment(ref done) / total));
            }

            return [.. ids];
        }
    }
}
