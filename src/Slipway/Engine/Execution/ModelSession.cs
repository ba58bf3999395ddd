using Microsoft.ML.OnnxRuntime;
using Slipway.Kernels.Interop;
using Slipway.Packaging;

namespace Slipway.Engine.Execution;

/// <summary>Opens the ONNX Runtime session of a package.</summary>
internal static class ModelSession
{
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromSeconds(1);

    public static InferenceSession Open(ModelPackage package, LanguageModelOptions options)
    {
        KernelVariant.LogOtherVersion(package, options);
        return KernelVariant.PathOf(package, options) is { } kernels
            ? Open(kernels, options, hasKernels: true)
            : Open(package.ModelPath, options, takesTurns: options.DraftModel is not null);
    }

    /// <param name="modelPath">The graph file.</param>
    /// <param name="options">Threads and memory.</param>
    /// <param name="takesTurns">Whether another session runs between two runs of this one, which needs the
    /// cores.</param>
    /// <param name="hasKernels">Whether the graph has this library's own operators, which have threads of their
    /// own.</param>
    public static InferenceSession Open(
        string modelPath, LanguageModelOptions options, bool takesTurns = false, bool hasKernels = false)
    {
        NativeRuntime.Require();
        using var sessionOptions = new SessionOptions
        {
            IntraOpNumThreads = options.Threads ?? 0,
            InterOpNumThreads = 1,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        sessionOptions.AddSessionConfigEntry(
            "session.intra_op.allow_spinning", options.AllowSpinning && !hasKernels ? "1" : "0");
        if (takesTurns)
        {
            sessionOptions.AddSessionConfigEntry("session.force_spinning_stop", "1");
        }

        try
        {
            var before = HugePages.Memory();
            var session = hasKernels
                ? KernelLibrary.Open(
                    modelPath, sessionOptions, options.Threads ?? PhysicalCores.Count, options.AllowSpinning)
                : new InferenceSession(modelPath, sessionOptions);
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
                modelPath,
                $"ONNX Runtime cannot load '{modelPath}': {e.Message} Copy or export the package again.",
                e);
        }
    }
}
