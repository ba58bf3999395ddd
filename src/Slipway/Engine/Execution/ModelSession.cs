using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Execution.Providers;
using Slipway.Kernels.Interop;
using Slipway.Packaging;
using Slipway.Telemetry;

namespace Slipway.Engine.Execution;

/// <summary>Opens ONNX Runtime's sessions, each on the first provider of its options that can run the graph.</summary>
internal static class ModelSession
{
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(1);

    /// <summary>Opens the session of a decoder's package.</summary>
    /// <exception cref="NotSupportedException">None of the providers that were asked for can run it.</exception>
    /// <exception cref="PackageException">The graph is damaged.</exception>
    public static GraphSession Open(
        ModelPackage package, LanguageModelOptions options, IProviderMachine? machine = null)
        => Open(
            package.Path, choice => PackageGraphs.Find(package, choice, options), options, machine,
            takesTurns: options.DraftModel is not null);

    /// <summary>Opens the session of a graph that any provider may run.</summary>
    /// <inheritdoc cref="Open(ModelPackage, LanguageModelOptions, IProviderMachine?)"/>
    public static GraphSession Open(string modelPath, LanguageModelOptions options, IProviderMachine? machine = null)
        => Open(modelPath, _ => (new GraphFile(modelPath), null), options, machine, takesTurns: false);

    // Another session runs between two runs of one that takes turns, and needs the cores.
    private static GraphSession Open(
        string name, Func<ProviderChoice, (GraphFile? Graph, string? WhyNot)> find, LanguageModelOptions options,
        IProviderMachine? machine, bool takesTurns)
    {
        NativeRuntime.Require();
        List<string> reasons = [];
        var hasFailed = false;
        var choices = ProviderChoice.Read(options);
        for (var place = 0; place < choices.Count; place++)
        {
            var choice = choices[place];
            var whyNot = ProviderChecks.WhyNot(choice, machine ?? ProviderMachine.Instance);
            var (graph, none) = whyNot is null ? find(choice) : (null, null);
            if (graph is null)
            {
                reasons.Add((whyNot ?? none)!);
            }
            else if (choice.Provider.IsProcessor)
            {
                LogFallback(options, name, choice, hasFailed, reasons);
                return new(Open(graph, options, takesTurns, _ => { }), graph, choice);
            }
            else
            {
                var sharesWithProcessor = graph.IsMadeForProvider
                    || choices.Skip(place + 1).Any(later => later.Provider.IsProcessor);
                try
                {
                    return new(Open(graph, options, takesTurns, Append), graph, choice);
                }
                catch (Exception exception) when (exception is PackageException or OnnxRuntimeException)
                {
                    hasFailed = true;
                    reasons.Add($"'{choice}' does not take '{graph.Path}': {exception.Message}");
                }

                void Append(SessionOptions session)
                {
                    choice.Provider.Append!(session, choice.Device, choice.Options);
                    session.AddSessionConfigEntry("session.disable_cpu_ep_fallback", sharesWithProcessor ? "0" : "1");
                }
            }
        }

        throw new NotSupportedException(
            $"'{name}' cannot run on {string.Join(" or ", choices.Select(choice => $"'{choice}'"))}: "
            + $"{string.Join(' ', reasons)} List '{ExecutionProviders.Cpu.Name}' last in ExecutionProviders to run it "
            + "on the processor where nothing else can.");
    }

    private static InferenceSession Open(
        GraphFile graph, LanguageModelOptions options, bool takesTurns, Action<SessionOptions> append)
    {
        using var sessionOptions = new SessionOptions
        {
            IntraOpNumThreads = options.Threads ?? 0,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        sessionOptions.AddSessionConfigEntry(
            "session.intra_op.allow_spinning", options.AllowSpinning && !graph.HasKernels ? "1" : "0");
        if (takesTurns && !graph.HasKernels)
        {
            sessionOptions.AddSessionConfigEntry("session.force_spinning_stop", "1");
        }

        if (options.ProfilePath is { } profile)
        {
            sessionOptions.ProfileOutputPathPrefix = profile;
            sessionOptions.EnableProfiling = true;
        }

        append(sessionOptions);
        try
        {
            var before = HugePages.Memory();
            var session = graph.HasKernels
                ? KernelLibrary.Open(
                    graph.Path, sessionOptions, options.Threads ?? PhysicalCores.Count, options.AllowSpinning)
                : new InferenceSession(graph.Path, sessionOptions);
            if (options.UseLargePages)
            {
                // It copies all weights once, so the first answer comes before. A session that is gone by then does no
                // harm.
                var memory = HugePages.MappedSince(before);
                _ = Task.Delay(FirstAnswer).ContinueWith(_ => HugePages.Collapse(memory), TaskScheduler.Default);
            }

            return session;
        }
        catch (OnnxRuntimeException e)
        {
            throw new PackageException(
                graph.Path,
                $"ONNX Runtime cannot load '{graph.Path}': {e.Message} Copy or export the package again.",
                e);
        }
    }

    // Nobody asked for what 'auto' does not find.
    private static void LogFallback(
        LanguageModelOptions options, string name, ProviderChoice choice, bool hasFailed,
        List<string> reasons)
    {
        if (reasons.Count > 0 && (hasFailed || !choice.IsAutomatic)
            && options.LoggerFactory?.CreateLogger(typeof(ModelSession)) is { } logger)
        {
            ModelLog.FellBack(logger, name, choice.ToString(), string.Join(' ', reasons));
        }
    }
}
