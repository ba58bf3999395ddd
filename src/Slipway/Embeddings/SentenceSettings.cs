using System.Text.Json;
using Slipway.Packaging;

namespace Slipway.Embeddings;

/// <summary>Reads what a sentence-embedding package's own files say of texts before they are encoded.</summary>
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

    private readonly EncoderPackage _package;
    private readonly Dictionary<string, string> _prompts = new(StringComparer.Ordinal);
    private readonly string? _defaultPrompt;

    public SentenceSettings(EncoderPackage package)
    {
        _package = package;
        using var transformer = TransformerFiles.Select(Read).FirstOrDefault(file => file is not null);
        using var tokenizer = Read("tokenizer_config.json");
        MaxLength = Number(transformer, "max_seq_length") ?? Number(tokenizer, "model_max_length");
        LowerCase = Value(transformer, "do_lower_case") is { ValueKind: JsonValueKind.True };

        using var prompts = Read(PromptFile);
        if (Value(prompts, Prompts) is { ValueKind: JsonValueKind.Object } named)
        {
            foreach (var prompt in named.EnumerateObject().Where(item => item.Value.ValueKind == JsonValueKind.String))
            {
                _prompts[prompt.Name] = prompt.Value.GetString()!;
            }
        }

        if (Value(prompts, "default_prompt_name") is { ValueKind: JsonValueKind.String } name)
        {
            _defaultPrompt = _prompts.GetValueOrDefault(name.GetString()!) ?? throw new PackageException(
                package.Path,
                $"'default_prompt_name' in '{PromptFile}' of '{package.Path}' is '{name}', and '{Prompts}' has no such "
                + $"prompt{Known}. Add the prompt, or set the name to null for none.");
        }
    }

    /// <summary>The longest text in tokens; null where no file says.</summary>
    public int? MaxLength { get; }

    /// <summary>Tells whether texts are put in lower case before they are encoded.</summary>
    public bool LowerCase { get; }

    /// <summary>The prompt that goes before every text; empty for none.</summary>
    /// <param name="name">A name among the prompts; null for the model's own choice, empty for none.</param>
    /// <exception cref="ArgumentException">There is no prompt of the name.</exception>
    public string Prompt(string? name) => name switch
    {
        null => _defaultPrompt ?? "",
        "" => "",
        _ => _prompts.GetValueOrDefault(name) ?? throw new ArgumentException(
            $"The package '{_package.Path}' has no prompt '{name}'{Known}. Name one of these, or '' for none.",
            nameof(name)),
    };

    private string Known => _prompts.Count == 0
        ? "; it has none"
        : $"; it has {string.Join(", ", _prompts.Keys.Select(prompt => $"'{prompt}'"))}";

    private static int? Number(JsonDocument? file, string key) =>
        Value(file, key) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt32(out var number) && number > 0
            ? number
            : null;

    private static JsonElement? Value(JsonDocument? file, string key) =>
        file?.RootElement.TryGetProperty(key, out var value) == true ? value : null;

    // Null where the package has no such file.
    private JsonDocument? Read(string file)
    {
        if (_package.FindFile(file) is not { } path)
        {
            return null;
        }

        JsonDocument? read = null;
        try
        {
            read = JsonDocument.Parse(File.ReadAllBytes(path));
            return read.RootElement.ValueKind == JsonValueKind.Object
                ? read : throw new JsonException("expected an object.");
        }
        catch (JsonException e)
        {
            read?.Dispose();
            throw new PackageException(
                path, $"The file '{path}' is not valid: {e.Message} Export the package again, or mend the file.", e);
        }
    }
}
