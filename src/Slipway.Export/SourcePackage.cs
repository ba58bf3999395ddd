using Slipway.Packaging;

namespace Slipway.Export;

/// <summary>Holds what a package is quantized from, be it a decoder's or an encoder's.</summary>
/// <param name="Path">The folder.</param>
/// <param name="ModelPath">The graph.</param>
/// <param name="Manifest">Its manifest; null where it has none.</param>
/// <param name="IsEncoder">Tells whether it is an encoder, which writes no text.</param>
/// <param name="FileNames">Every file of the package.</param>
/// <param name="FindFile">Finds the full path of one; null where it is not there.</param>
internal sealed record SourcePackage(
    string Path, string ModelPath, PackageManifest? Manifest, bool IsEncoder, IReadOnlyCollection<string> FileNames,
    Func<string, string?> FindFile)
{
    /// <summary>Opens a folder.</summary>
    /// <exception cref="PackageException">The package is damaged.</exception>
    public static SourcePackage Open(string folder)
    {
        if (File.Exists(System.IO.Path.Combine(folder, ModelPackage.ManifestFile))
            && !File.Exists(System.IO.Path.Combine(folder, ModelPackage.ConfigFile)))
        {
            var encoder = EncoderPackage.Open(folder);
            return new(
                encoder.Path, encoder.ModelPath, encoder.Manifest, IsEncoder: true,
                [.. encoder.Manifest.Files.Select(file => file.Name)], encoder.FindFile);
        }

        var decoder = ModelPackage.Open(folder);
        return new(
            decoder.Path, decoder.ModelPath, decoder.Manifest, IsEncoder: false, [.. decoder.ListFiles().Keys],
            decoder.FindFile);
    }
}
