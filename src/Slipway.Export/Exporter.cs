using System.Diagnostics;
using Slipway.Checkpoints;
using Slipway.Export.Adapters;
using Slipway.Export.Architectures;
using Slipway.Export.Architectures.Encoders;
using Slipway.Export.Configuration;
using Slipway.Export.Devices;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Sentences;
using Slipway.Export.Passes;
using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Graphs;
using Slipway.Export.Quantization.Rotation;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Packaging.Kernels;

namespace Slipway.Export;

/// <summary>Turns a checkpoint into a package.</summary>
public static class Exporter
{
    private const string GraphFile = "model.onnx";
    private const string DataFile = $"{GraphFile}.data";
    private const string KernelFile = "kernels.onnx";
    private const int LongestContext = 1 << 20;

    /// <summary>
    /// The architectures that can be exported, as <c>architectures[0]</c> of <c>config.json</c> names them.
    /// </summary>
    public static IReadOnlyList<string> Architectures { get; } =
        [.. ArchitectureTable.All.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Exports a checkpoint.</summary>
    /// <remarks>
    /// A tensor is read, converted and written before the next one is read, so memory does not grow with the model.
    /// The folder appears whole at the end or not at all. Quantization uses all cores; one export at a time into one
    /// folder.
    /// </remarks>
    /// <param name="checkpoint">The checkpoint; it stays the caller's.</param>
    /// <param name="folder">The package folder to appear.</param>
    /// <param name="options">The kind of package; null for float32.</param>
    /// <param name="progress">Told of each part that was written, on the calling thread.</param>
    /// <param name="cancellationToken">Stops between two parts; nothing is left behind.</param>
    /// <exception cref="CheckpointException">The checkpoint is damaged, or contradicts its configuration.</exception>
    /// <exception cref="NotSupportedException">The architecture, or something in its configuration, is not
    /// known.</exception>
    /// <exception cref="ArgumentException">An option does not fit.</exception>
    /// <exception cref="IOException">The folder cannot be written or replaced, or its disk is full.</exception>
    public static ExportReport Export(
        Checkpoint checkpoint, string folder, ExportOptions? options = null,
        IProgress<ExportProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        try
        {
            return Write(
                TokenizedCheckpoint.Of(checkpoint), folder, options ?? new ExportOptions(), progress,
                cancellationToken);
        }
        catch (IOException exception) when (FullDisk.IsCause(exception))
        {
            throw FullDisk.Explain(folder, exception);
        }
    }

    private static ExportReport Write(
        Checkpoint checkpoint, string folder, ExportOptions options, IProgress<ExportProgress>? progress,
        CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var asked = options;
        DeviceOperators.RequireKnown(options.Devices);
        ConfigReader config = new(checkpoint.Config, checkpoint.Path);
        var (name, architecture) = Find(config, checkpoint);
        QuantizedWeights.Check(config, checkpoint);

        // Encoders write no text of their own: unless one is given, or a method asked for, they need none.
        options = architecture is DecoderArchitecture || options.Method is not null
            || options.Calibration is { HasText: true } ? options : options with { Calibration = null };
        options = options with { Requantize = options.Requantize || options.Rotate };

        // A model of several kinds of input has the keys of its decoder in a section.
        config = architecture is DecoderArchitecture ? config.Section("text_config") ?? config : config;
        var formats = WeightFormats.Choose(options, architecture.ExactActivations, checkpoint);
        RequireEffects(name, architecture, checkpoint, formats, options);
        var contextLength = ContextLength(config, architecture.LongestSequence(config), options);
        var adapters = SwitchedAdapters.Create(
            options.Adapters, AdapterBase.Of(checkpoint), options.AdapterInputs);
        if (adapters is not null && architecture is not DecoderArchitecture)
        {
            throw new NotSupportedException(
                $"'{name}' is an encoder; adapters beside a model are for decoders. Merge the adapter instead.");
        }

        var cache = options.KeyValueCache ?? KeyValuePrecisions.Default(options.Precision);
        RequireCache(name, architecture, options);

        using PackageWriter package = new(folder, options.Overwrite);
        TextFiles.Check(checkpoint);
        TensorSource tensors = new(checkpoint);
        using var staging = options.Rotate || Requantizes(formats, options)
            ? new PackageWriter($"{folder}.float") : null;
        using var rotated = options.Rotate ? new PackageWriter($"{folder}.rotated") : null;
        var build = Build(staging ?? package, staging is null ? formats : WeightFormats.Single);
        if (architecture is DecoderArchitecture)
        {
            DeviceVariants.Require(
                build.Writer.Graph, options.Devices,
                columns => staging is not null && options.Recipe is not { Count: > 0 }
                    && formats.Matrices is not FloatFormat && formats.Matrices.CanGather(columns));
        }

        var unused = Unused(name, checkpoint, tensors, options);
        var forGpus = options.Devices.Any(DeviceOperators.Devices.Contains);
        var window = !options.SlidingWindowCache || forGpus ? null : SlidingCache.Find(
            build.Writer.Graph, contextLength, KeyValuePrecisions.HasCodes(cache));
        architecture.Describe(package, checkpoint, config, GraphFile, contextLength, window);
        TextFiles.Copy(checkpoint, package);
        GraphQuantizer? quantizer = null;
        var graph = staging is null ? build.Writer.Graph : Quantize(staging, rotated);
        var ranges = KeyValuePrecisions.HasCodes(cache) ? Measure(package, graph, options, cancellationToken) : null;
        graph = ranges is null
            ? graph : new QuantizedCache(graph, ranges, build.Frequencies, contextLength).Apply();
        graph = SlidingCache.Apply(graph, window?.Layers ?? []);
        Write(graph, package, GraphFile);
        var kernels = architecture is DecoderArchitecture
            ? KernelGraph.Convert(graph, cache, ranges) : null;
        if (kernels is not null)
        {
            Write(kernels, package, KernelFile);
        }

        var devices = DeviceVariants.Write(
            graph, package, architecture is DecoderArchitecture ? options.Devices : [], Model(graph, GraphFile),
            cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        var manifest = package.Commit(new PackageManifest
        {
            Producer = Producer,
            Architecture = name,
            SourceFormat = checkpoint.Format,
            Precision = Precisions.NameOf(options.Precision),
            Quantization = formats.KeepsCodes && formats.Recipe is { } kept
                ? KeptCodes.Describe(graph, kept, quantizer?.Spent.Plan ?? [])
                : quantizer is not null ? QuantizationPlan.Describe(quantizer.Spent, formats.Recipe)
                : formats.Recipe,
            KeyValueCache = KeyValueCache(cache, kernels),
            ContextLength = architecture is EncoderArchitecture ? contextLength : null,
            RotarySwitch = build.LongRopeThreshold,
            Variants = Variants(kernels, devices),
            Adapters = adapters?.Write(package) is { Count: > 0 } written ? written : null,
            AdapterLayers = adapters?.Layers(),
        });
        return new ExportReport(
            Path.GetFullPath(folder), manifest, checkpoint.Tensors.Values.Sum(tensor => tensor.Count),
            Stopwatch.GetElapsedTime(started).TotalSeconds, PeakMemory(), unused)
        {
            Warnings =
            [
                .. checkpoint.Warnings,
                .. quantizer?.Warnings ?? build.Writer.Warnings(),
                .. options.Method is null && !options.Requantize && formats.Recipe is not null
                    ? QuantizedWeights.Warn(
                        checkpoint, quantizer is null ? build.Writer.Requantized
                            : formats.KeepsCodes ? quantizer.Requantized : build.Codes, options)
                    : [],
                .. Told(checkpoint, formats, asked),
            ],
        };

        ModelBuild Build(PackageWriter target, WeightFormats chosen)
        {
            using ExternalDataWriter data = new(target.Create(DataFile), DataFile);
            WeightWriter writer = new(
                new Graph(name), data, checkpoint.Path, checkpoint.Tensors.Values.Sum(tensor => tensor.Count),
                checkpoint.IsQuantized, target == package ? progress : null, cancellationToken);
            ModelBuild made = new(config, tensors, writer, chosen.Matrices, chosen.Tables, contextLength)
            {
                Adapters = adapters,
            };
            architecture.Build(made, checkpoint);
            return made;
        }

        // A package in single precision that nobody sees, so that it can be run before it is quantized.
        Graph Quantize(PackageWriter written, PackageWriter? turned)
        {
            var (single, floats, rules) = (written, build.Writer.Graph, options.Recipe);
            if (turned is not null)
            {
                (floats, rules) = RotatedPackage.Write(
                    floats, written.Folder, turned, DataFile, checkpoint.Path, rules, cancellationToken);
                single = turned;
            }

            Write(floats, single, GraphFile);
            architecture.Describe(single, checkpoint, config, GraphFile, contextLength, null);
            TextFiles.Copy(checkpoint, single);
            single.Write(new PackageManifest { RotarySwitch = build.LongRopeThreshold });
            quantizer = new GraphQuantizer
            {
                Graph = floats,
                Folder = single.Folder,
                Source = checkpoint.Path,
                Exact = build.Exact,
                Format = QuantizationOptions.FormatOf(
                    options.Precision, options.Method, options.BlockSize, options.Calibration is not null),
                IsFree = options.Method is null,
                Kept = formats.KeepsCodes ? new KeptMatrices(formats, build.Weights) : null,
                IsQuantized = formats.KeepsCodes ? checkpoint.IsQuantized : _ => false,
                Rules = rules,
                ExactActivations = architecture.ExactActivations,
                BitsPerWeight = options.BitsPerWeight,
                Calibration = options.Calibration,
                Progress = progress,
            };
            return quantizer.Write(package.Create(DataFile), DataFile, cancellationToken);
        }
    }

    // What must be seen running, or is stored in several ways, is quantized from a package in single precision.
    private static bool Requantizes(WeightFormats formats, ExportOptions options) =>
        options.Recipe.Count > 0
        || (formats is { Recipe: { } recipe, KeepsCodes: false }
            && QuantizationMethods.Find(recipe.Method).Needs != StatisticsNeed.None);

    private static void RequireEffects(
        string name, Architecture architecture, Checkpoint checkpoint, WeightFormats formats, ExportOptions options)
    {
        if (architecture is not DecoderArchitecture && options.Devices.Any(DeviceOperators.Devices.Contains))
        {
            throw new NotSupportedException(
                $"'{name}' is an encoder, whose one graph all devices run. Leave Devices ('--device') out.");
        }

        if (formats.KeepsCodes && options.Recipe.FirstOrDefault(rule => rule.Format.Method is { } method
            && QuantizationMethods.Find(method).ScalesInputs) is { } scaling)
        {
            throw new ArgumentException(
                $"The rule '{scaling}' scales what comes before its matrices, and '{checkpoint.Path}' holds codes that "
                + "are kept as they are. Name another method, or set Requantize ('--requantize').", nameof(options));
        }

        // Keys and values may be measured over the same text.
        if ((options.KeyValueCache is { } cache && KeyValuePrecisions.HasCodes(cache))
            || options.Calibration is not { HasText: true })
        {
            return;
        }

        if (formats.KeepsCodes && options.Recipe.Count == 0)
        {
            throw new ArgumentException(
                $"'{checkpoint.Path}' holds codes that are kept as they are, so the calibration text decides nothing. "
                + "Leave Calibration ('--calibration') out, or set Requantize ('--requantize').", nameof(options));
        }

        QuantizationOptions.RequireRead(options.Precision, options.Method, options.Recipe);
    }

    private static IEnumerable<string> Told(Checkpoint checkpoint, WeightFormats formats, ExportOptions asked)
    {
        var precision = Precisions.NameOf(asked.Precision);
        if (asked.Requantize
            && (formats.Recipe is null || (checkpoint.Quantization is null && checkpoint.Quantized.Count == 0)))
        {
            yield return $"'{checkpoint.Path}' holds no codes that {precision} would keep, so Requantize "
                + "('--requantize') changes nothing.";
        }

        if (formats.KeepsCodes && formats.Recipe is { } kept && asked.BlockSize != QuantizationOptions.DefaultBlockSize
            && kept.BlockSize != asked.BlockSize)
        {
            yield return $"The codes of '{checkpoint.Path}' are kept in their blocks of {kept.BlockSize}; those of "
                + $"{asked.BlockSize} are for what is chosen anew. Set Requantize ('--requantize') to have them "
                + "throughout.";
        }
    }

    private static void Write(Graph graph, PackageWriter package, string file)
    {
        using var stream = package.Create(file);
        OnnxFile.Write(Model(graph, file), stream);
    }

    private static OnnxModel Model(Graph graph, string file) => new(graph)
    {
        ProducerName = "Slipway",
        ProducerVersion = Version,
        OperatorSets = file == KernelFile ? KernelGraph.OperatorSets : OnnxModel.DefaultOperatorSets,
    };

    internal static IReadOnlyList<GraphVariant>? Variants(Graph? kernels, IReadOnlyList<GraphVariant> devices)
        => kernels is not null ? [Variant(kernels), .. devices] : devices.Count > 0 ? devices : null;

    internal static GraphVariant Variant(Graph kernels) => new(
        KernelContract.Provider, KernelFile, KernelContract.Version,
        KernelGraph.SupportsInactiveSlots(kernels) ? [KernelContract.InactiveSlots] : []);

    // The graph as it is runs over whole sequences; the package's takes its place.
    private static ChannelRanges Measure(
        PackageWriter package, Graph graph, ExportOptions options, CancellationToken cancellationToken)
    {
        ChannelRanges ranges = new();
        Write(graph, package, GraphFile);
        options.KeyValueMeasurement!(package.Folder, ranges.Observe, cancellationToken);
        package.Delete(GraphFile);
        return ranges;
    }

    internal static string Producer => $"Slipway {Version}";

    private static string Version { get; } =
        typeof(Exporter).Assembly.GetName().Version?.ToString(3) ?? "";

    internal static long PeakMemory()
    {
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }

    // A decoder with modules that make a vector of a text is one that embeds, whatever head its configuration names.
    private static (string Name, Architecture Architecture) Find(ConfigReader config, Checkpoint checkpoint)
    {
        var name = config.Texts("architectures") is [var first, ..]
            ? first
            : throw config.Bad("architectures", "a list with the model's architecture, such as 'LlamaForCausalLM'");
        return ArchitectureTable.All.TryGetValue(name, out var architecture)
            ? (name, architecture is DecoderArchitecture decoder && SentenceModules.Read(checkpoint) is not null
                ? new PooledDecoder(decoder, EncoderTask.Features) : architecture)
            : throw config.Unsupported(
                "architectures", $"one of {string.Join(", ", Architectures.Select(known => $"'{known}'"))}");
    }

    /// <summary>Names how a package keeps keys and values; half precision only where its kernels do.</summary>
    internal static string? KeyValueCache(KeyValuePrecision cache, Graph? kernels) => cache switch
    {
        KeyValuePrecision.Float32 => null,
        KeyValuePrecision.Float16 when kernels is null || !KernelGraph.HoldsHalves(kernels) => null,
        _ => KeyValuePrecisions.NameOf(cache),
    };

    private static void RequireCache(string name, Architecture architecture, ExportOptions options)
    {
        if (options.KeyValueCache is not { } asked || asked == KeyValuePrecision.Float32)
        {
            return;
        }

        var cache = KeyValuePrecisions.NameOf(asked);
        if (architecture is not DecoderArchitecture)
        {
            throw new NotSupportedException(
                $"'{name}' is an encoder and keeps no keys and values, so they cannot be '{cache}'. Leave "
                + "KeyValueCache at 'fp32'.");
        }

        if (KeyValuePrecisions.HasCodes(asked) && options.KeyValueMeasurement is null)
        {
            throw new ArgumentException(
                $"Keys and values in '{cache}' need scales that are measured. Set KeyValueMeasurement, or use 'slipway "
                + $"export --kv-cache {cache}'.",
                nameof(options));
        }
    }

    private static int ContextLength(ConfigReader config, int longest, ExportOptions options)
    {
        var length = options.ContextLength ?? longest;
        return options.ContextLength is <= 0 || length > longest
            ? throw new ArgumentException(
                $"The context length {length} is not between 1 and the {longest} positions that '{config.Path}' was "
                + "made for.", nameof(options))
            : length > LongestContext
            ? throw new ArgumentException(
                $"'{config.Path}' was made for {length} positions; at most {LongestContext} can be exported. "
                + "Choose a shorter context length.", nameof(options))
            : length;
    }

    // What the model does without is told; where the export is strict, what it is not known to do without is refused.
    private static IReadOnlyList<string> Unused(
        string architecture, Checkpoint checkpoint, TensorSource tensors, ExportOptions options)
    {
        string[] unknown = [.. tensors.Unknown()
            .Where(name => !name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal))];
        return unknown.Length == 0 || !options.Strict ? tensors.Unused() : throw new CheckpointException(
            $"The checkpoint '{checkpoint.Path}' holds {unknown.Length} tensors that '{architecture}' has no place "
            + "for: "
            + $"{string.Join(", ", unknown.Take(5).Select(name => $"'{name}'"))}{(unknown.Length > 5 ? ", …" : "")}. "
            + "Where they belong to the model, its configuration names another architecture or other sizes; where the "
            + "model is to go without them, export it without Strict ('--strict').",
            checkpoint.Path, unknown[0]);
    }
}
