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

    /// <summary>Names the verb that puts a package to its use.</summary>
    /// <param name="task">What the package is for.</param>
    /// <param name="labels">How many labels a classifier tells; null where that is not known.</param>
    public static string VerbOf(string task, long? labels) => task switch
    {
        TextGeneration => "chat",
        "sentence-embedding" => "embed",
        "text-classification" when labels == 1 => "rerank",
        "text-classification" or "token-classification" => "classify",
        _ => "run",
    };

    /// <summary>Describes a package that was run, for messages.</summary>
    public static string Describe(string folder, string task, string verb) =>
        $"'{folder}' is a package for {task}"
        + (verb == "run" ? "." : $"; 'slipway {verb} {folder}' puts it to its use.");

    /// <summary>Task of a decoder's package.</summary>
    public const string TextGeneration = "text-generation";

    private static readonly (string Head, string Name)[] Tasks =
    [
        ("ForSequenceClassification", "text-classification"),
        ("ForTokenClassification", "token-classification"),
        ("ForMaskedLM", "fill-mask"),
    ];
}
