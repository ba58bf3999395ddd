using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Slipway.Export;
using Slipway.Export.Adapters;
using Slipway.Export.Quantization;
using Slipway.LanguageModels.Attention;
using Slipway.LanguageModels.Caching;
using Slipway.LanguageModels.Packages;
using Slipway.LanguageModels.Proof;
using Slipway.LanguageModels.Shapes;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Tracing;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.LanguageModels;

/// <summary>Turns a language model of one's own, a live TorchSharp module, into a package.</summary>
public static class LanguageModelExport
{
    /// <summary>Exports a module that gives logits for ids.</summary>
    /// <remarks>
    /// The module is traced (<see cref="OnnxModule"/>), and keys and values, or whatever its layers read of earlier
    /// tokens, are kept from step to step without its help. Attention that is causal, whole or in a window, becomes
    /// GroupQueryAttention, with a rotation inside; other kinds stay written out, beside their caches. Operations of
    /// which nothing can be kept are computed for all tokens in each step. The package in single precision is compared
    /// with the module before anything is quantized. The module is given back as it was. Not to be called while
    /// something else runs the module.
    /// </remarks>
    /// <param name="module">
    /// The module, in evaluation and in float32: int64 [batch, sequence] to logits [batch, sequence, vocabulary], alone
    /// or beside other results. It stays the caller's.
    /// </param>
    /// <param name="tokenizer">
    /// The folder of the tokenizer: <c>tokenizer.json</c> and, where they are, <c>tokenizer_config.json</c>,
    /// <c>chat_template.jinja</c> and <c>generation_config.json</c>.
    /// </param>
    /// <param name="folder">The package folder to appear; it appears whole or not at all.</param>
    /// <param name="options">The kind of package; null for float32.</param>
    /// <param name="cancellationToken">Stops between two parts of the work; nothing is left behind.</param>
    /// <returns>What was written, what is kept from step to step, and how far it is from the module.</returns>
    /// <exception cref="NotSupportedException">
    /// The module is no causal language model in float32, or does what no graph can express
    /// (<see cref="UntraceableModuleException"/>).
    /// </exception>
    /// <exception cref="ModuleMismatchException">No graph equals the module.</exception>
    /// <exception cref="ArgumentException">The module is in training, or an option or the tokenizer does not
    /// fit.</exception>
    /// <exception cref="IOException">A file is missing or cannot be written.</exception>
    [RequiresDynamicCode("Tracing writes methods at run time.")]
    [RequiresUnreferencedCode("Tracing reads the code of the module's methods.")]
    public static LanguageModelExportReport FromModule(
        torch.nn.Module module, string tokenizer, string folder, LanguageModelExportOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentException.ThrowIfNullOrEmpty(tokenizer);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new LanguageModelExportOptions();
        QuantizationOptions.Require(options.Precision, options.Method, options.BlockSize, options.Recipe);
        var started = Stopwatch.GetTimestamp();
        if (module.training)
        {
            throw new ArgumentException(
                $"'{module.GetType().Name}' is in training, where dropout and the like make random numbers. Call "
                + "'eval()' first.", nameof(module));
        }

        var texts = TextFolder.Open(tokenizer, options);
        using ModuleState state = new(module);
        LanguageModule model = new(module, state);
        List<string> warnings = [.. Check(model, texts)];
        var traced = ContextLimit.Traced(model, options.ContextLength);
        CausalityProof.Require(model, traced);
        cancellationToken.ThrowIfCancellationRequested();

        // The package's own folder takes the traced graph: a disk that is full is that of the package.
        using PackageWriter package = new(folder, options.Overwrite);
        var work = Directory.CreateDirectory(Path.Combine(package.Folder, "traced")).FullName;
        var facts = Trace(module, model, work, traced, warnings);
        var context = ContextLimit.Find(model, facts, options.ContextLength, traced);
        cancellationToken.ThrowIfCancellationRequested();
        var (steps, cached, fused, difference) = Prove(model, facts, context, options, warnings);
        cancellationToken.ThrowIfCancellationRequested();
        var adapters = SwitchedAdapters.Create(
            options.Adapters, GraphAdapters.Base(steps.Graph, cached.BatchPlaceOf, $"the module '{model.Name}'"),
            options.AdapterInputs);
        PackageManifest Write(PackageWriter writer) => FloatPackage.Write(
            writer, steps, work, texts, adapters, cached.BatchPlaceOf, model.Name, context, model.VocabularySize);
        PackageManifest manifest;
        if (options.Precision == Precision.Float32 && options.Recipe.Count == 0)
        {
            manifest = Write(package);
            Directory.Delete(work, recursive: true);
            manifest = package.Commit(manifest);
        }
        else
        {
            var single = Path.Combine(work, "float");
            using (PackageWriter writer = new(single))
            {
                _ = writer.Commit(Write(writer));
            }

            manifest = PackageQuantizer.Quantize(
                single, folder, Quantization(options), progress: null, cancellationToken).Manifest;
        }

        return new LanguageModelExportReport(
            Path.GetFullPath(folder), manifest, context, steps.Graph.Nodes.Count, fused,
            steps.Kept.ToDictionary(kept => kept.Past, kept => kept.Source), [.. cached.Recomputed], difference,
            Stopwatch.GetElapsedTime(started).TotalSeconds, warnings);
    }

    private static IEnumerable<string> Check(LanguageModule model, TextFolder texts)
    {
        var size = texts.Tokenizer.VocabularySize;
        if (model.VocabularySize < size)
        {
            throw new ArgumentException(
                $"'{model.Name}' has logits for {model.VocabularySize} tokens, and the tokenizer has {size}. Give the "
                + "tokenizer that the module was trained with.");
        }

        if (model.VocabularySize > size)
        {
            yield return $"The module has logits for {model.VocabularySize} tokens, and the tokenizer has {size}: the "
                + "others can be drawn, and have no text.";
        }

        if (texts.EndTokenId is null)
        {
            yield return "No token ends an answer: set 'EndToken', or 'eos_token' in 'tokenizer_config.json'.";
        }

        if (!texts.HasTemplate)
        {
            yield return "There is no chat template: set 'ChatTemplate', or put 'chat_template.jinja' beside the "
                + "tokenizer.";
        }
    }

    private static GraphFacts Trace(
        torch.nn.Module module, LanguageModule model, string work, int length, List<string> warnings)
    {
        const int Rows = 2;
        var path = Path.Combine(work, "traced.onnx");
        Random random = new(1);
        using var example = model.Ids(
            [.. Enumerable.Range(0, Rows * length).Select(_ => random.NextInt64(model.VocabularySize))], Rows);
        var made = OnnxModule.Export(module, [example], path, new OnnxModuleOptions
        {
            InputNames = ["input_ids"],
            DynamicAxes = { { "input_ids", 1, new DynamicAxis("sequence", Min: 1, Max: length) } },
            ExternalDataThreshold = 0,
            Operators = OnnxOperatorSet.OnnxRuntime,
        });
        warnings.AddRange(made.Warnings);
        var file = OnnxFile.Read(path);
        var logits = file.Graph.Outputs[model.Output];
        return GraphFacts.Read(
            file with { Graph = GraphPart.Take(file.Graph, [], [logits.Name]) }, work);
    }

    private static (StepGraph Steps, CachedGraph Cached, int Fused, double Difference) Prove(
        LanguageModule model, GraphFacts facts, int context, LanguageModelExportOptions options, List<string> warnings)
    {
        var written = CachedGraph.Build(facts, context, []);
        var fused = AttentionFinder.Find(facts, written, context);
        (double Difference, string Place) last = default;
        foreach (var cached in Candidates())
        {
            var steps = StepGraph.Of(cached, model.VocabularySize);
            last = StepProof.Run(model, steps, facts.Folder, context);
            var (difference, place) = last;
            if (difference <= options.Tolerance)
            {
                return (steps, cached, cached.FusedAttentions, difference);
            }

            warnings.Add(cached.FusedAttentions > 0
                ? $"Attention stays written out: with GroupQueryAttention, logits differ by {difference:g3} of their "
                    + $"scale ({place})."
                : $"Nothing but ids is kept: with what the layers read of earlier tokens kept, logits differ by "
                    + $"{difference:g3} of their scale ({place}). Each step computes all tokens.");
        }

        throw new ModuleMismatchException(
            $"The graph of steps differs from '{model.Name}' by {last.Difference:g3} of the logits' scale "
            + $"({last.Place}); allowed is {options.Tolerance:g3}. The module does other things at other lengths: set "
            + "'ContextLength' to one that holds throughout.");

        // What the kinds of axes do not tell: in the last, each step computes everything, from the ids alone.
        IEnumerable<CachedGraph> Candidates()
        {
            if (fused.Count > 0)
            {
                yield return CachedGraph.Build(facts, context, fused);
            }

            yield return written;
            yield return CachedGraph.Build(facts, context, null);
        }
    }

    private static QuantizeOptions Quantization(LanguageModelExportOptions options) => new()
    {
        Precision = options.Precision,
        Method = options.Method,
        BlockSize = options.BlockSize,
        Recipe = options.Recipe,
        Calibration = options.Calibration,
        Overwrite = options.Overwrite,
    };
}
