using System.Diagnostics;
using Slipway.Export.Devices;
using Slipway.Export.Passes;
using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Graphs;
using Slipway.Export.Quantization.Rotation;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;

namespace Slipway.Export;

/// <summary>Does to a float package what <see cref="Exporter"/> does to a checkpoint.</summary>
public static class PackageQuantizer
{
    private const string KernelFile = "kernels.onnx";

    /// <summary>Quantizes the matrices of a package.</summary>
    /// <remarks>
    /// Products, tables and experts are quantized; what chooses experts, norms and biases stay as they are. Prompt
    /// format, tokenizer and all other files are taken over. Memory does not grow with the model, but for what the
    /// calibration needs. As exported ones, encoders are quantized without statistics unless a method or a text is
    /// given.
    /// </remarks>
    /// <param name="package">The float package's folder; it stays as it is.</param>
    /// <param name="folder">The package folder to appear.</param>
    /// <param name="options">How; null for int4.</param>
    /// <param name="progress">Told of each part that was done.</param>
    /// <param name="cancellationToken">Stops between two parts; nothing is left behind.</param>
    /// <exception cref="PackageException">The package is damaged.</exception>
    /// <exception cref="NotSupportedException">The package holds no float matrices.</exception>
    /// <exception cref="ArgumentException">An option does not fit.</exception>
    /// <exception cref="IOException">The folder cannot be written or replaced, or its disk is full.</exception>
    public static ExportReport Quantize(
        string package, string folder, QuantizeOptions? options = null, IProgress<ExportProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(package);
        options ??= new QuantizeOptions();
        var started = Stopwatch.GetTimestamp();
        var source = SourcePackage.Open(package);
        options = source.IsEncoder && options.Method is null && options.Calibration is not { HasText: true }
            ? options with { Calibration = null } : options;
        var graphFile = Path.GetRelativePath(source.Path, source.ModelPath).Replace('\\', '/');
        var model = OnnxFile.Read(source.ModelPath);
        QuantizationOptions.Require(options.Precision, options.Method, options.BlockSize, options.Recipe);
        if (options.Calibration is { HasText: true })
        {
            QuantizationOptions.RequireRead(options.Precision, options.Method, options.Recipe);
        }

        var format = QuantizationOptions.FormatOf(
            options.Precision, options.Method, options.BlockSize, options.Calibration is not null);
        WeightFormats.CheckBits(options.BitsPerWeight, options.Precision, options.Method, options.Calibration);
        if (GraphMatrices.Find(model.Graph, null).Count == 0)
        {
            throw new NotSupportedException(
                $"The package '{source.Path}' holds no float matrices: it is quantized already. Quantize the package "
                + "or checkpoint that it was made from.");
        }

        using PackageWriter writer = new(folder, options.Overwrite);
        var dataFile = $"{graphFile}.data";

        // What runs to be measured begins with no keys and values at all.
        var sliding = SlidingCache.Layers(model.Graph);
        var (floats, floatFolder, rules) = (
            SlidingCache.Remove(model.Graph), Path.GetDirectoryName(source.ModelPath)!, options.Recipe);
        using var rotated = options.Rotate ? new PackageWriter($"{folder}.rotated") : null;
        if (rotated is not null)
        {
            (floats, rules) = RotatedPackage.Write(
                floats, floatFolder, rotated, dataFile, source.Path, rules, cancellationToken);
            Write(model with { Graph = SlidingCache.Apply(floats, sliding) }, rotated, graphFile);
            CopyFiles(source, graphFile, rotated);
            floatFolder = rotated.Folder;
        }

        GraphQuantizer quantizer = new()
        {
            Graph = floats,
            Folder = floatFolder,
            Source = source.Path,
            Format = format,
            IsFree = options.Method is null,
            Rules = rules,
            BitsPerWeight = options.BitsPerWeight,
            Calibration = options.Calibration,
            ExactActivations = source.IsEncoder,
            Progress = progress,
        };
        var graph = SlidingCache.Apply(
            quantizer.Write(writer.Create(dataFile), dataFile, cancellationToken), sliding);
        Write(model with { Graph = graph }, writer, graphFile);
        var cache = CacheOf(graph, options.Precision);
        var kernels = source.IsEncoder ? null : KernelGraph.Convert(graph, cache);
        if (kernels is not null)
        {
            Write(model with { Graph = kernels, OperatorSets = KernelGraph.OperatorSets }, writer, KernelFile);
        }

        var devices = DeviceVariants.Write(
            graph, writer, [.. source.Manifest?.Variants?.Select(variant => variant.Provider) ?? []],
            model with { Graph = graph }, cancellationToken);
        CopyFiles(source, graphFile, writer);
        cancellationToken.ThrowIfCancellationRequested();
        var manifest = writer.Commit((source.Manifest ?? new PackageManifest()) with
        {
            Producer = Exporter.Producer,
            Precision = Precisions.NameOf(options.Precision),
            KeyValueCache = Exporter.KeyValueCache(cache, kernels),
            Quantization = QuantizationPlan.Describe(quantizer.Spent, format.BitsOf() is { } bits
                ? new QuantizationRecipe
                {
                    Method = format.Method!, Bits = bits, BlockSize = format.BlockSize!.Value,
                }
                : null),
            Variants = Exporter.Variants(kernels, devices),
            Files = [],
        });
        return new ExportReport(
            Path.GetFullPath(folder), manifest, Parameters(model.Graph),
            Stopwatch.GetElapsedTime(started).TotalSeconds, Exporter.PeakMemory(), [])
        {
            Warnings = quantizer.Warnings,
        };
    }

    // What int4 keys and values were measured to be is not in the decoder's graph, which keeps those in int8.
    private static KeyValuePrecision CacheOf(Graph graph, Precision precision)
        => graph.Inputs.Any(port => port.Type == ElementType.Int8)
            ? KeyValuePrecision.Int8 : KeyValuePrecisions.Default(precision);

    private static void Write(OnnxModel model, PackageWriter writer, string file)
    {
        using var stream = writer.Create(file);
        OnnxFile.Write(model, stream);
    }

    // Graphs, and the files that hold their constants, are written anew.
    private static void CopyFiles(SourcePackage source, string graphFile, PackageWriter writer)
    {
        HashSet<string> left =
        [
            graphFile, ModelPackage.ManifestFile,
            .. ExternalDataFiles.Read(source.ModelPath),
            .. source.Manifest?.Variants?.Select(variant => variant.File) ?? [],
            .. source.Manifest?.Variants?.SelectMany(variant => source.FindFile(variant.File) is { } graph
                ? ExternalDataFiles.Read(graph) : []) ?? [],
        ];
        foreach (var name in source.FileNames.Where(name => !left.Contains(name)))
        {
            using var from = File.OpenRead(Path.Combine(source.Path, name));
            using var to = writer.Create(name);
            from.CopyTo(to);
        }
    }

    private static long Parameters(Graph graph) => graph.Initializers
        .Where(constant => constant.Type is ElementType.Float32 or ElementType.Float16)
        .Sum(constant => constant.Shape.Aggregate(1L, (product, size) => product * size));
}
