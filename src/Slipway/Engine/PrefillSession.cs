using Microsoft.ML.OnnxRuntime;
using Slipway.Packaging;

namespace Slipway.Engine;

/// <summary>Opens a package's second graph, which computes prompts over the first one's cache.</summary>
internal static class PrefillSession
{
    /// <summary>The graph's file; null where the package has none, or none is wanted.</summary>
    /// <exception cref="PackageException">The file is missing.</exception>
    public static string? PathOf(ModelPackage package, LanguageModelOptions options)
        => options.UsePrefillGraph && KernelSession.PathOf(package, options) is null && package.Manifest?.PrefillModel is { } file
            ? package.FindFile(file) ?? throw new PackageException(
                package.Path,
                $"The package '{package.Path}' has no file '{file}', which '{ModelPackage.ManifestFile}' names as its graph "
                + "for prompts. Copy or export the package again.")
            : null;

    /// <summary>Opens its session; null where there is none, or none is wanted.</summary>
    /// <exception cref="PackageException">The file is missing or damaged.</exception>
    public static InferenceSession? Open(ModelPackage package, LanguageModelOptions options)
        => PathOf(package, options) is { } path ? ModelSession.Open(path, options, takesTurns: true) : null;

    /// <summary>Compares it with the graph that it shares the cache with.</summary>
    /// <exception cref="PackageException">It does not fit.</exception>
    public static void Check(InferenceSession? session, ModelPackage package, DecoderGraph graph)
    {
        if (session is null)
        {
            return;
        }

        var path = package.FindFile(package.Manifest!.PrefillModel!)!;
        if (DecoderGraph.Read(session, package, path).Difference(graph) is { } difference)
        {
            throw new PackageException(
                path,
                $"The graph for prompts '{path}' does not fit '{package.ModelPath}': {difference} differs. Export the "
                + "package again.");
        }
    }

    /// <summary>Frees a session that is being opened and not wanted any more.</summary>
    public static void Discard(Task<InferenceSession?> opening)
        => opening.ContinueWith(
            task => task.Result?.Dispose(),
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion,
            TaskScheduler.Default);
}
