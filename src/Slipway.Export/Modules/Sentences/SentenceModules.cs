using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Configuration;
using Slipway.Onnx;
using Slipway.Packaging;

namespace Slipway.Export.Modules.Sentences;

/// <summary>
/// Makes one vector of a text's hidden states by the modules of a sentence-embedding model, in their order.
/// </summary>
/// <remarks>Source: Sentence Transformers' files, <c>modules.json</c> and each module's <c>config.json</c>.</remarks>
internal sealed class SentenceModules
{
    private const string ModulesFile = "modules.json";

    private static readonly IReadOnlyList<string> Files =
    [
        ModulesFile, "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
        "sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
        "sentence_xlnet_config.json", "config_sentence_transformers.json",
    ];

    private static readonly Dictionary<string, Func<SentenceModuleFiles, SentenceModule?>> Kinds = new()
    {
        // The hidden states themselves.
        ["Transformer"] = _ => null,

        // Training alone drops values.
        ["Dropout"] = _ => null,

        ["Pooling"] = SentencePooling.Read,
        ["Dense"] = SentenceDense.Read,
        ["LayerNorm"] = SentenceLayerNorm.Read,
        ["Normalize"] = SentenceNormalize.Read,

        // What a decoder's logits say of a pair, which is computed where the package is run.
        ["LogitScore"] = RequireTokens,
    };

    private readonly IReadOnlyList<SentenceModule> _modules;

    private SentenceModules(IReadOnlyList<SentenceModule> modules) => _modules = modules;

    /// <summary>Reads what a checkpoint's files say; null where they make no vector of a text.</summary>
    /// <remarks>A cross-encoder has <c>modules.json</c> too, with its transformer alone.</remarks>
    public static SentenceModules? Read(Checkpoint checkpoint)
    {
        List<SentenceModule> modules = [];
        foreach (var entry in List(checkpoint))
        {
            if (!Kinds.TryGetValue(entry.Text("type").Split('.')[^1], out var read))
            {
                throw entry.Unsupported(
                    "type", $"a module {string.Join(", ", Kinds.Keys.Select(kind => $"'{kind}'"))}");
            }

            if (read(new SentenceModuleFiles(checkpoint, entry)) is { } module)
            {
                modules.Add(module);
            }
        }

        return modules.Count > 0 ? new SentenceModules(modules) : null;
    }

    /// <summary>Writes the files that say how the model is used into its package.</summary>
    public static void Copy(Checkpoint checkpoint, PackageWriter package)
    {
        var settings = List(checkpoint).Select(entry => new SentenceModuleFiles(checkpoint, entry).ConfigFile);
        TextFiles.Copy(checkpoint, package, [.. Files.Union(settings.OfType<string>())]);
    }

    /// <summary>Builds the modules.</summary>
    /// <param name="root">The model's root.</param>
    /// <param name="hidden">[batch, sequence, hidden_size].</param>
    /// <param name="size">The size of a hidden state.</param>
    /// <param name="inputs">The graph's inputs.</param>
    /// <returns>The vector, [batch, size], and its size.</returns>
    public (GraphValue Value, int Size) Build(ModuleScope root, GraphValue hidden, int size, EncoderInputs inputs)
    {
        SentenceFeatures features = new(root.Config.Path, hidden, size, inputs);
        foreach (var module in _modules)
        {
            module.Build(root, features);
        }

        return features[SentenceFeatures.Sentence];
    }

    private static SentenceModule? RequireTokens(SentenceModuleFiles files)
    {
        var (config, _) = files.Config();
        config.CountOf("true_token_id", absent: -1);
        return config.Has("true_token_id") ? null : throw config.Bad("true_token_id", "a token id");
    }

    // The entries of 'modules.json'; none where there is no such file.
    private static IReadOnlyList<ConfigReader> List(Checkpoint checkpoint)
    {
        if (checkpoint.ReadFile(ModulesFile) is not { } content)
        {
            return [];
        }

        return SentenceModuleFiles.Parse(checkpoint, ModulesFile, content) is JsonArray { Count: > 0 } list
            && list.All(item => item is JsonObject)
            ? [.. list.Select(keys => new ConfigReader((JsonObject)keys!, $"{checkpoint.Path} ({ModulesFile})"))]
            : throw SentenceModuleFiles.Bad(checkpoint, ModulesFile, "a list of modules");
    }
}

/// <summary>One step on the way to a text's vector.</summary>
internal abstract class SentenceModule
{
    /// <summary>Adds the module's nodes, which read and write features.</summary>
    public abstract void Build(ModuleScope root, SentenceFeatures features);
}

/// <summary>Values that modules hand on, by the names that Sentence Transformers gives to them.</summary>
internal sealed class SentenceFeatures
{
    public const string Tokens = "token_embeddings";
    public const string Sentence = "sentence_embedding";

    private readonly string _path;
    private readonly Dictionary<string, (GraphValue Value, int Size)> _values = [];

    public SentenceFeatures(string path, GraphValue hidden, int size, EncoderInputs inputs)
    {
        (_path, Inputs) = (path, inputs);
        _values[Tokens] = (hidden, size);
    }

    /// <summary>The graph's inputs.</summary>
    public EncoderInputs Inputs { get; }

    /// <summary>A value, […, size], and its size.</summary>
    public (GraphValue Value, int Size) this[string name]
    {
        get => _values.TryGetValue(name, out var value) ? value : throw new NotSupportedException(
            $"A module of '{_path}' reads '{name}', which no module before it makes; there is "
            + $"{string.Join(" and ", _values.Keys.Select(key => $"'{key}'"))}. Correct the modules' order in "
            + "'modules.json'.");
        set => _values[name] = value;
    }
}
