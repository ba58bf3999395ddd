using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Slipway.Calibration.Running;
using Slipway.Calibration.Text;
using Slipway.Export;
using Slipway.Packaging;

namespace Slipway.Calibration;

/// <summary>Runs a float model over a calibration text by ONNX Runtime.</summary>
/// <remarks>
/// Without a text the model samples its own by this library's engine, at temperature 1 with a fixed seed, half of the
/// texts from the token that begins sequences and half from any: that needs no data and says best what its layers see.
/// They are kept and used again while weights and settings are the same. Encoders write none and have random tokens of
/// their vocabulary instead. On one machine the same statistics come out each time. One run at a time; its float
/// weights stay in their file.
/// </remarks>
/// <param name="options">The texts; null for the model's own.</param>
public sealed class ModelCalibration(CalibrationOptions? options = null) : ICalibration
{
    // Of a step: enough for fast products, few enough that activations take little memory.
    private const int TokensAtOnce = 1024;

    // Texts, and tokens of each, over which matrices are replaced one by one.
    private const int MeasuredTexts = 2, MeasuredTokens = 64;

    private readonly CalibrationOptions _options = options ?? new CalibrationOptions();

    /// <inheritdoc/>
    public bool HasText => _options.Text is not null;

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The text is shorter than one part, or the options do not fit.</exception>
    /// <exception cref="IOException">A file of the package cannot be read.</exception>
    public void Run(CalibrationRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        var isDecoder = File.Exists(Path.Combine(run.Folder, ModelPackage.ConfigFile));
        if (!isDecoder && !HasText)
        {
            run.Tell?.Invoke(
                $"'{run.Source}' is an encoder and writes no text: it was calibrated over {_options.Texts} texts of "
                + "random tokens. A text like those that it will read ('--calibration FILE') says more.");
        }

        var texts = isDecoder
            ? Texts(run.Folder, run.Source, run.Progress, cancellationToken)
            : EncoderTexts.Get(run.Folder, _options);
        Observe(run, texts, texts[0].Length, cancellationToken);
    }

    /// <summary>
    /// Returns the texts: parts of the given one, or the model's own, of an earlier time or sampled now.
    /// </summary>
    /// <param name="folder">The float model's package.</param>
    /// <param name="source">The checkpoint or package that it was made from, beside which the texts are kept.</param>
    /// <param name="progress">Told how far sampling is; null for nobody.</param>
    /// <param name="cancellationToken">Stops the sampling.</param>
    /// <returns>Token ids, texts of one length.</returns>
    /// <exception cref="ArgumentException">The text is shorter than one part, or the options do not fit.</exception>
    /// <exception cref="IOException">A file of the package cannot be read.</exception>
    public IReadOnlyList<int[]> Texts(
        string folder, string source, IProgress<CalibrationProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_options.Texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.TokensPerText, 2);
        var package = ModelPackage.Open(folder);
        var length = Math.Min(_options.TokensPerText, package.Config.Model.ContextLength);
        return _options.Text is { } text
            ? GivenText.Cut(package, text, length, _options.Texts)
            : OwnText.Get(
                package, source, _options with { TokensPerText = length }, progress, cancellationToken);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The text is shorter than one part, or the options do not fit.</exception>
    /// <exception cref="IOException">A file of the package cannot be read.</exception>
    public IReadOnlyList<double> MeasureDivergence(DivergenceRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        int[][] texts =
        [
            .. Texts(run.Folder, run.Source, run.Progress, cancellationToken).Take(MeasuredTexts)
                .Select(text => text[..Math.Min(text.Length, MeasuredTokens)]),
        ];
        int[] tokens = [.. texts.SelectMany(text => text)];
        using var steps = new DecoderSteps(run.Graph, run.Folder);
        LogitDivergence? divergence = null;
        steps.Score(tokens, texts.Length, null, null, logits => divergence = new LogitDivergence(logits));
        var result = new double[run.Constants.Count];
        for (var index = 0; index < result.Length; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var value = steps.BufferOf(run.Constants[index]);
            Fill(run, index, value);
            steps.Score(
                tokens, texts.Length, run.Constants[index], value,
                logits => result[index] = divergence!.To(logits));
            run.Progress?.Report(new CalibrationProgress(
                "measuring losses", OwnText.Share + ((1 - OwnText.Share) * (index + 1) / result.Length)));
        }

        return result;
    }

    private static void Fill(DivergenceRun run, int index, OrtValue value)
    {
        if (value.GetTensorTypeAndShape().ElementDataType == TensorElementType.Float)
        {
            run.Replace(index, value.GetTensorMutableDataAsSpan<float>());
            return;
        }

        var halves = MemoryMarshal.Cast<byte, Half>(value.GetTensorMutableRawData());
        var values = new float[halves.Length];
        run.Replace(index, values);
        TensorPrimitives.ConvertToHalf(values, halves);
    }

    private static void Observe(
        CalibrationRun run, IReadOnlyList<int[]> texts, int length, CancellationToken cancellationToken)
    {
        using var steps = new DecoderSteps(run.Graph, run.Folder);
        (string Input, string Output, OrtValue Sum)[] sums =
        [
            .. run.Outputs.Select(output => (CalibrationRun.BeforeOf(output), output)).Select(names =>
                (names.Item1, names.output, steps.Zeros(names.Item1))),
        ];
        var (size, done) = (Math.Max(TokensAtOnce / length, 1), 0);
        foreach (var rows in texts.Chunk(size))
        {
            cancellationToken.ThrowIfCancellationRequested();
            steps.Add([.. rows.SelectMany(row => row)], rows.Length, sums);
            done += rows.Length;
            run.Progress?.Report(new CalibrationProgress(
                "observing inputs", OwnText.Share + ((1 - OwnText.Share) * done / texts.Count)));
        }

        for (var output = 0; output < sums.Length; output++)
        {
            using var sum = sums[output].Sum;
            run.Observe(output, sum.GetTensorDataAsSpan<float>(), (long)texts.Count * (length - 1));
        }
    }
}
