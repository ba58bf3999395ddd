using System.Runtime.InteropServices;
using Slipway.Calibration.Running;
using Slipway.Calibration.Text;
using Slipway.Export;
using Slipway.Packaging;

namespace Slipway.Calibration;

/// <summary>Runs a float model over a calibration text by ONNX Runtime.</summary>
/// <remarks>
/// Without a text the model samples its own by this library's engine, at temperature 1 with a fixed seed, half of the
/// texts from the token that begins sequences and half from any: that needs no data and says best what its layers see.
/// They are kept and used again while weights and settings are the same. On one machine the same statistics come out
/// each time. One run at a time; its float weights stay in their file.
/// </remarks>
/// <param name="options">The texts; null for the model's own.</param>
public sealed class ModelCalibration(CalibrationOptions? options = null) : ICalibration
{
    // Of a step: enough for fast products, few enough that activations take little memory.
    private const int TokensAtOnce = 2048;

    private readonly CalibrationOptions _options = options ?? new CalibrationOptions();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The text is shorter than one part, or the options do not fit.</exception>
    /// <exception cref="IOException">A file of the package cannot be read.</exception>
    public void Run(CalibrationRun run, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_options.Texts);
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.TokensPerText, 2);
        var package = ModelPackage.Open(run.Folder);
        var length = Math.Min(_options.TokensPerText, package.Config.Model.ContextLength);
        var texts = _options.Text is { } text
            ? GivenText.Cut(package, text, length, _options.Texts)
            : OwnText.Get(package, run, _options with { TokensPerText = length }, cancellationToken);
        Observe(run, texts, length, cancellationToken);
    }

    private static void Observe(
        CalibrationRun run, IReadOnlyList<int[]> texts, int length, CancellationToken cancellationToken)
    {
        using var steps = new DecoderSteps(run.Graph, run.Folder);
        var (size, done) = (Math.Max(TokensAtOnce / length, 1), 0);
        foreach (var rows in texts.Chunk(size))
        {
            cancellationToken.ThrowIfCancellationRequested();
            steps.Restart();
            var tokens = (long)rows.Length * (length - 1);
            steps.Run(
                [.. rows.SelectMany(row => row)], rows.Length, run.Outputs,
                (output, sums) => run.Observe(
                    output, MemoryMarshal.Cast<byte, float>(sums.GetTensorMutableRawData()), tokens),
                isLast: true);
            done += rows.Length;
            run.Progress?.Report(new CalibrationProgress(
                "observing inputs", OwnText.Share + ((1 - OwnText.Share) * done / texts.Count)));
        }
    }
}
