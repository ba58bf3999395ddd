using Slipway.Packaging;

namespace Slipway.Cli.Verbs;

/// <summary>Tells what packages are made for.</summary>
internal static class PackageKinds
{
    /// <summary>Tells whether a folder is an encoder's package, which has a manifest alone.</summary>
    /// <remarks>A decoder's says in a file of its own how it is fed.</remarks>
    public static bool IsEncoder(string folder) => File.Exists(Path.Combine(folder, ModelPackage.ManifestFile))
        && !File.Exists(Path.Combine(folder, ModelPackage.ConfigFile));

    /// <summary>Names what an encoder's package is for, by the outputs of its graph and its architecture.</summary>
    public static string TaskOf(EncoderPackage package, IEnumerable<string> outputs)
        => outputs.Contains("sentence_embedding") ? "sentence-embedding"
            : Tasks.FirstOrDefault(
                task => package.Manifest.Architecture?.EndsWith(task.Head, StringComparison.Ordinal) == true).Name
                ?? "feature-extraction";

    private static readonly (string Head, string Name)[] Tasks =
    [
        ("ForSequenceClassification", "text-classification"),
        ("ForTokenClassification", "token-classification"),
        ("ForMaskedLM", "fill-mask"),
    ];
}
