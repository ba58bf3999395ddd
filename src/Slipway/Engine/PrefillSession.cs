using Microsoft.ML.OnnxRuntime;
using Slipway.Packaging;

namespace Slipway.Engine;

/// <summary>Opens a package's second graph, which computes prompts over the first one's cache.</summary>
internal static class PrefillSession
{
    /// <summary>The graph's file; null where the package has none, or none is wanted.</summary>
    /// <exception cref="PackageException">The file is missing.</exception>
    public static string? PathOf(ModelPackage package, LanguageModelOptions options)
        => options.UsePrefillGraph && package.Manifest?.PrefillModel is { } file
            ? package.FindFile(file) ?? throw new PackageException(
                package.Path,
                $"The package '{package.Path}' has no file '{file}', which '{ModelPackage.ManifestFile}' names as its graph "
                + "for prompts. Copy or export the package again.")
            : null;

    /// <summary>Opens its session; null where there is none, or none is wanted.</summary>
    /// <param name="package">The package.</param>
    /// <param name="graph">The graph that it shares the cache with.</param>
    /// <param name="options">Threads and memory.</param>
    /// <exception cref="PackageException">The file is missing or damaged, or does not fit the other graph.</exception>
    public static InferenceSession? Open(ModelPackage package, DecoderGraph graph, LanguageModelOptions options)
    {
        if (PathOf(package, options) is not { } path)
        {
            return null;
        }

        var session = ModelSession.Open(path, options, takesTurns: true);
        try
        {
            return DecoderGraph.Read(session, package, path).Difference(graph) is not { } difference
                ? session
                : throw new PackageException(
                    path,
                    $"The graph for prompts '{path}' does not fit '{package.ModelPath}': {difference} differs. Export the "
                    + "package again.");
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }
}
