using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Packaging;

namespace Slipway.Encoders;

/// <summary>Reads what a package's own files say of texts before they are encoded.</summary>
/// <remarks>Source: Sentence Transformers' files.</remarks>
internal sealed class SentenceSettings
{
    private const string PromptFile = "config_sentence_transformers.json";
    private const string Prompts = "prompts";

    private static readonly string[] TransformerFiles =
    [
        "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json",
        "sentence_camembert_config.json", "sentence_albert_config.json", "sentence_xlm-roberta_config.json",
        "sentence_xlnet_config.json",
    ];

    private readonly PackageFiles _files;
    private readonly Dictionary<string, string> _prompts = new(StringComparer.Ordinal);
    private readonly string? _defaultPrompt;

    public SentenceSettings(PackageFiles files)
    {
        _files = files;
        var transformer = Array.Find(TransformerFiles, files.Has) ?? TransformerFiles[0];
        MaxLength = Positive(files.Number(transformer, "max_seq_length"))
            ?? Positive(files.Number(transformer, "processing_kwargs", "text", "max_length"))
            ?? Positive(files.Number("tokenizer_config.json", "model_max_length"));
        LowerCase = files.IsTrue(transformer, "do_lower_case");
        TruncatedSize = Positive(files.Number(PromptFile, "truncate_dim"));
        TemplateVariables = files.Find(transformer, "processing_kwargs", "chat_template") as JsonObject ?? [];
        var modalities = files.Find(transformer, "modality_config") as JsonObject;
        TakesMessages = modalities is null || modalities.ContainsKey("message");
        HasMessageParts = files.Text(transformer, "modality_config", "message", "format") == "structured";
        foreach (var (name, prompt) in files.Find(PromptFile, Prompts) as JsonObject ?? [])
        {
            if (prompt?.GetValueKind() == JsonValueKind.String)
            {
                _prompts[name] = prompt.GetValue<string>();
            }
        }

        if (files.Text(PromptFile, "default_prompt_name") is { } chosen)
        {
            _defaultPrompt = _prompts.GetValueOrDefault(chosen) ?? throw new PackageException(
                files.Path,
                $"'default_prompt_name' in '{PromptFile}' of '{files.Path}' is '{chosen}', and '{Prompts}' has no such "
                + $"prompt{Known}. Add the prompt, or set the name to null for none.");
        }
    }

    /// <summary>The longest text in tokens; null where no file says.</summary>
    public int? MaxLength { get; }

    /// <summary>The number of an embedding's first numbers to keep, as they are; null for all.</summary>
    public int? TruncatedSize { get; }

    /// <summary>Tells whether texts are put in lower case before they are encoded.</summary>
    public bool LowerCase { get; }

    /// <summary>Tells whether texts are put to the model as messages; else as they are.</summary>
    public bool TakesMessages { get; }

    /// <summary>Tells whether a message's content is a list of parts; else it is a text.</summary>
    public bool HasMessageParts { get; }

    /// <summary>Variables that the model's chat template is given beside the messages.</summary>
    public JsonObject TemplateVariables { get; }

    /// <summary>The prompt that goes before every text; empty for none.</summary>
    /// <param name="name">A name among the prompts; null for the model's own choice, empty for none.</param>
    /// <exception cref="ArgumentException">There is no prompt of the name.</exception>
    public string Prompt(string? name) => name switch
    {
        null => _defaultPrompt ?? "",
        "" => "",
        _ => _prompts.GetValueOrDefault(name) ?? throw new ArgumentException(
            $"The package '{_files.Path}' has no prompt '{name}'{Known}. Name one of these, or '' for none.",
            nameof(name)),
    };

    private string Known => _prompts.Count == 0
        ? "; it has none"
        : $"; it has {string.Join(", ", _prompts.Keys.Select(prompt => $"'{prompt}'"))}";

    private static int? Positive(int? number) => number > 0 ? number : null;
}
