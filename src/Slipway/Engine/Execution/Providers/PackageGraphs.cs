using System.Text.Json.Nodes;
using Slipway.Packaging;

namespace Slipway.Engine.Execution.Providers;

/// <summary>Finds the graph of a package that a provider is to run.</summary>
internal static class PackageGraphs
{
    /// <summary>Returns the graph, or says in one sentence why there is none.</summary>
    /// <exception cref="PackageException">A file that the manifest names is missing.</exception>
    public static (GraphFile? Graph, string? WhyNot) Find(
        ModelPackage package, ProviderChoice choice, LanguageModelOptions options)
    {
        var provider = choice.Provider;
        if (provider.IsProcessor)
        {
            KernelVariant.LogOtherVersion(package, options);
            return KernelVariant.PathOf(package, options) is { } kernels
                ? (new GraphFile(kernels, HasKernels: true), null) : (new GraphFile(package.ModelPath), null);
        }

        if (Variants(package, provider.Name).FirstOrDefault() is { } variant)
        {
            return (new GraphFile(PathOf(package, variant), IsMadeForProvider: true), null);
        }

        if (IsNamed(package.Config.Model.Decoder, provider))
        {
            return (new GraphFile(package.ModelPath, IsMadeForProvider: true), null);
        }

        return package.Manifest is null && !choice.IsAutomatic
            ? (new GraphFile(package.ModelPath), null)
            : (null, $"The package '{package.Path}' has no graph for '{provider.Name}': export it again with "
                + $"'slipway export --device {provider.Name}'.");
    }

    /// <summary>The graphs that a package's manifest names for a provider.</summary>
    /// <exception cref="PackageException">The manifest lists one without a provider or a file.</exception>
    public static IEnumerable<GraphVariant> Variants(ModelPackage package, string provider)
        => (package.Manifest?.Variants ?? [])
            .Select(variant => variant is { Provider: not null, File: not null } ? variant : throw new PackageException(
                package.Path,
                $"The file '{ModelPackage.ManifestFile}' of '{package.Path}' lists a variant without 'provider' or "
                + "'file'. Export the package again."))
            .Where(variant => variant.Provider == provider);

    /// <summary>The full path of such a graph.</summary>
    /// <exception cref="PackageException">The file is missing.</exception>
    public static string PathOf(ModelPackage package, GraphVariant variant)
        => package.FindFile(variant.File) ?? throw new PackageException(
            package.Path,
            $"The package '{package.Path}' has no file '{variant.File}', which '{ModelPackage.ManifestFile}' names "
            + $"as its graph for '{variant.Provider}'. Copy or export the package again.");

    // Other makers write one graph, and in its options which providers it is for.
    private static bool IsNamed(GenAIDecoder decoder, ExecutionProvider provider)
        => decoder.SessionOptions?["provider_options"] is JsonArray rows && rows.OfType<JsonObject>().Any(
            row => row.Any(item => item.Key.Equals(provider.GenAIName, StringComparison.OrdinalIgnoreCase)));
}
