using Slipway.Packaging;

namespace Slipway.LanguageModels;

/// <summary>Report of a module's way to a package.</summary>
/// <param name="Folder">The package folder, a full path.</param>
/// <param name="Manifest">How the package was made, with its files.</param>
/// <param name="ContextLength">The longest sequence in tokens.</param>
/// <param name="Nodes">The number of nodes of the float graph.</param>
/// <param name="FusedAttentions">Attention that one operator computes, keys and values included.</param>
/// <param name="Kept">The tensors that are kept from step to step, by input, with the value that each holds.</param>
/// <param name="Recomputed">
/// Operations that nothing of earlier steps is kept for, so that each step computes them for all tokens.
/// </param>
/// <param name="Difference">
/// The largest difference of the float graph's logits from the module's, relative to their scale, over prompts in
/// pieces and steps of rows of different lengths.
/// </param>
/// <param name="Seconds">The time from beginning to end.</param>
/// <param name="Warnings">What a reader should know, a sentence each.</param>
public sealed record LanguageModelExportReport(
    string Folder, PackageManifest Manifest, int ContextLength, int Nodes, int FusedAttentions,
    IReadOnlyDictionary<string, string> Kept, IReadOnlyList<string> Recomputed, double Difference, double Seconds,
    IReadOnlyList<string> Warnings);
