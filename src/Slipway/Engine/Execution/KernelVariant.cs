using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Execution.Providers;
using Slipway.Kernels.Interop;
using Slipway.Packaging;
using Slipway.Packaging.Kernels;
using Slipway.Telemetry;

namespace Slipway.Engine.Execution;

/// <summary>Finds a package's graph in operators that this library computes itself.</summary>
internal static class KernelVariant
{
    /// <summary>
    /// The graph's file; null where the package has none of a version that this library computes, none is wanted, or
    /// the processor cannot run it.
    /// </summary>
    /// <exception cref="PackageException">The file is missing.</exception>
    public static string? PathOf(ModelPackage package, LanguageModelOptions options)
        => Find(package, options) is { } variant ? PackageGraphs.PathOf(package, variant) : null;

    /// <summary>
    /// Says where a package has such a graph only of another version, so that the decoder's own is run.
    /// </summary>
    public static void LogOtherVersion(ModelPackage package, LanguageModelOptions options)
    {
        if (!IsWanted(options) || Find(package, options) is not null)
        {
            return;
        }

        var versions = Variants(package).Select(variant => variant.KernelVersion)
            .Concat(package.Manifest?.KernelModel is null ? [] : [1]);
        foreach (var version in versions)
        {
            if (options.LoggerFactory?.CreateLogger(typeof(KernelVariant)) is { } logger)
            {
                ModelLog.OtherKernelVersion(
                    logger, package.Path, version, KernelContract.Version, Path.GetFileName(package.ModelPath));
            }
        }
    }

    /// <summary>Tells whether the graph that a session runs leaves slots without a mask alone.</summary>
    /// <remarks>
    /// The manifest's word alone does not do: each buffer of keys and values must be read by such an operator.
    /// </remarks>
    public static bool SupportsInactiveSlots(
        ModelPackage package, LanguageModelOptions options, InferenceSession session, DecoderGraph graph)
        => Find(package, options) is { Capabilities: { } capabilities }
            && capabilities.Contains(KernelContract.InactiveSlots)
            && session is KernelInferenceSession { CacheInputs: var inputs }
            && graph.Cache.All(tensor => inputs.Contains(tensor.Past));

    private static bool IsWanted(LanguageModelOptions options) => options.UseKernels && KernelLibrary.IsSupported;

    private static GraphVariant? Find(ModelPackage package, LanguageModelOptions options)
        => IsWanted(options)
            ? Variants(package)
                .Where(variant => variant.KernelVersion is >= KernelContract.MinVersion and <= KernelContract.Version)
                .MaxBy(variant => variant.KernelVersion)
            : null;

    private static IEnumerable<GraphVariant> Variants(ModelPackage package)
        => PackageGraphs.Variants(package, KernelContract.Provider);
}
