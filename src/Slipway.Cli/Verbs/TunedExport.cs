using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Slipway.Calibration;
using Slipway.Checkpoints;
using Slipway.Cli.Terminal;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Training.Tuning;

namespace Slipway.Cli.Verbs;

/// <summary>Exports a checkpoint and tunes the scales of the package before it appears.</summary>
/// <remarks>
/// The float package, the package that is tuned, and the state lie in a folder beside the output until the end, so that
/// the same command goes on where a run was stopped.
/// </remarks>
/// <param name="checkpoint">The checkpoint.</param>
/// <param name="folder">The package folder to appear.</param>
/// <param name="options">The kind of package.</param>
/// <param name="calibration">Gives the texts.</param>
/// <param name="given">What else decides: the calibration text and the adapter that is merged.</param>
internal sealed class TunedExport(
    Checkpoint checkpoint, string folder, ExportOptions options, ModelCalibration calibration,
    params string?[] given)
{
    // Parts of the whole that exporting and sampling take in the display.
    private const double Exported = 0.1, Sampled = 0.2;

    private readonly string _work = $"{Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))}.tuning";

    /// <summary>Requires a kind of package that has scales.</summary>
    /// <exception cref="UsageException">It has none.</exception>
    public static void Require(ExportOptions options)
    {
        if (options.Precision is not (Precision.Int4 or Precision.Int8))
        {
            throw new UsageException("--tune tunes the scales of int4 and int8. Add --precision int4.");
        }
    }

    /// <summary>Runs the export.</summary>
    /// <param name="minutes">The time for tuning.</param>
    /// <param name="progress">Told what is done, a part of 1 and some words.</param>
    /// <param name="cancellationToken">Stops it; what is done so far is kept for the next time.</param>
    public ExportReport Run(
        double minutes, IProgress<(double Share, string Words)> progress, CancellationToken cancellationToken)
    {
        Begin();
        var single = Path.Combine(_work, "float");
        var untuned = Path.Combine(_work, "quantized");
        Export(single, options with
        {
            Precision = Precision.Float32, Method = null, Recipe = [], BitsPerWeight = null, BlockSize = 32,
            Rotate = false, Requantize = false, Calibration = null, Devices = [], SlidingWindowCache = false,
            KeyValueCache = KeyValuePrecision.Float32,
            Adapters = new Dictionary<string, LoraAdapter>(),
        }, cancellationToken);
        if (!File.Exists(Path.Combine(single, ModelPackage.ConfigFile)))
        {
            Directory.Delete(_work, recursive: true);
            throw new UsageException(
                $"--tune distils what a decoder says; '{checkpoint.Path}' is an encoder, which says nothing. Leave it "
                + "out.");
        }

        progress.Report((Exported / 2, "quantize"));
        var report = Export(
            untuned, options with { Calibration = new AlsoTuned(calibration) }, cancellationToken);
        progress.Report((Exported, "sample texts"));
        var texts = calibration.Texts(single, checkpoint.Path, null, cancellationToken);
        var result = ScaleTuner.Tune(
            Path.Combine(single, "model.onnx"), Path.Combine(untuned, "model.onnx"), texts,
            new ScaleTuningOptions
            {
                Time = TimeSpan.FromMinutes(minutes), StateFile = Path.Combine(_work, "state.safetensors"),
            },
            new Relay<ScaleTuningProgress>(step => progress.Report((
                Sampled + ((1 - Sampled) * step.Share),
                $"step {step.Step}, divergence {step.Loss:0.0000}, held back {step.HeldBack:0.0000}"))),
            cancellationToken);
        var manifest = PackageConstants.Replace(untuned, folder, result.Constants, options.Overwrite);
        Directory.Delete(_work, recursive: true);
        return report with
        {
            Folder = Path.GetFullPath(folder), Manifest = manifest,
            Warnings =
            [
                .. report.Warnings,
                $"tuned over {result.Steps} steps: the divergence from the float model, over texts held back, is "
                + $"{result.After:0.0000} nats a token; it was {result.Before:0.0000}",
            ],
        };
    }

    // What an earlier run with other options or of another checkpoint has left is of no use.
    private void Begin()
    {
        var file = Path.Combine(_work, "run.json");
        var run = JsonSerializer.Serialize((string[])
        [
            checkpoint.Path, new FileInfo(checkpoint.Path).LastWriteTimeUtc.Ticks.ToString("X"),
            options.Precision.ToString(), options.Method ?? "", options.BlockSize.ToString(),
            string.Join(';', options.Recipe), options.BitsPerWeight?.ToString() ?? "",
            options.Requantize.ToString(), options.KeyValueCache?.ToString() ?? "",
            (options.ContextLength ?? 0).ToString(), options.Rotate.ToString(),
            .. given.Select(text => text is null
                ? "" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))),
        ]);
        if (Directory.Exists(_work) && (!File.Exists(file) || File.ReadAllText(file) != run))
        {
            Directory.Delete(_work, recursive: true);
        }

        Directory.CreateDirectory(_work);
        File.WriteAllText(file, run);
    }

    // The tuning reads a text that was given, whether or not the export does.
    private sealed class AlsoTuned(ICalibration calibration) : ICalibration
    {
        public bool HasText => false;

        public void Run(CalibrationRun run, CancellationToken cancellationToken) =>
            calibration.Run(run, cancellationToken);

        public IReadOnlyList<double> MeasureDivergence(DivergenceRun run, CancellationToken cancellationToken) =>
            calibration.MeasureDivergence(run, cancellationToken);
    }

    private ExportReport Export(string target, ExportOptions kind, CancellationToken cancellationToken) =>
        Exporter.Export(checkpoint, target, kind with { Overwrite = true }, null, cancellationToken);
}
