using Slipway.Kernels;
using Slipway.Packaging;

namespace Slipway.Engine;

/// <summary>Finds a package's graph in operators that this library computes itself.</summary>
internal static class KernelSession
{
    /// <summary>The graph's file; null where the package has none, none is wanted, or the processor cannot run it.</summary>
    /// <exception cref="PackageException">The file is missing.</exception>
    public static string? PathOf(ModelPackage package, LanguageModelOptions options)
        => options.UseKernels && KernelLibrary.IsSupported && package.Manifest?.KernelModel is { } file
            ? package.FindFile(file) ?? throw new PackageException(
                package.Path,
                $"The package '{package.Path}' has no file '{file}', which '{ModelPackage.ManifestFile}' names as its graph "
                + "for processors. Copy or export the package again.")
            : null;

    /// <summary>Whether that graph leaves rows without a mask alone.</summary>
    public static bool SkipsRows(ModelPackage package, LanguageModelOptions options)
        => package.Manifest is { KernelsSkipRows: true } && PathOf(package, options) is not null;
}
