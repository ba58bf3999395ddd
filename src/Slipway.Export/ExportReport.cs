using Slipway.Packaging;

namespace Slipway.Export;

/// <summary>Result of an export, and its cost.</summary>
/// <param name="Folder">The package folder, a full path.</param>
/// <param name="Manifest">How the package was made, with its files.</param>
/// <param name="Parameters">Weights of the model.</param>
/// <param name="Seconds">The time from beginning to end.</param>
/// <param name="PeakMemoryBytes">The largest resident memory that the process has had so far.</param>
/// <param name="UnusedTensors">Tensors of the checkpoint that the package does without, such as a tied head's
/// copy.</param>
public sealed record ExportReport(
    string Folder, PackageManifest Manifest, long Parameters, double Seconds, long PeakMemoryBytes,
    IReadOnlyList<string> UnusedTensors)
{
    /// <summary>Presumptions where the checkpoint does not say, a sentence each, with its remedy.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The size of all files together.</summary>
    public long Bytes => Manifest.Files.Sum(file => file.Bytes);
}
