using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;

namespace Slipway.Packaging;

/// <summary>Holds the special tokens and chat templates that the files beside a tokenizer name.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. <c>tokenizer_config.json</c> wins; <c>special_tokens_map.json</c> counts for
/// the tokens that it lacks. A token is a text, or an object that holds the text as <c>content</c>.
/// <c>chat_template.jinja</c>, with others by name as <c>additional_chat_templates/tool_use.jinja</c>, wins over the
/// <c>chat_template</c> of <c>tokenizer_config.json</c>, which is one template or a list of named ones, <c>default</c>
/// and <c>tool_use</c> among them; <c>chat_template.json</c> comes last. Requests with tools take <c>tool_use</c> where
/// it is there.
/// Source: the files that transformers' tokenizers save.
/// </remarks>
public sealed class TokenizerConfig
{
    private const string ConfigFile = "tokenizer_config.json", MapFile = "special_tokens_map.json";
    private const string AddedFile = "added_tokens.json", TokenizerFile = "tokenizer.json";
    private const string AdditionalKey = "additional_special_tokens", ExtraKey = "extra_special_tokens";

    private const string TemplateFolder = "additional_chat_templates", DefaultName = "default", ToolName = "tool_use";

    // A name is a part of a path, and must not leave its folder.
    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    private static readonly string[] Keys =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private static readonly string[] NamedKeys = [ExtraKey, "model_specific_special_tokens"];

    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false };

    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);
    private readonly string[] _additional;
    private readonly string? _defaultTemplate, _toolTemplate;
    private readonly Func<string, string?> _findTemplate;

    private TokenizerConfig(string path, Func<string, byte[]?> readFile)
    {
        var config = ReadJson(path, ConfigFile, readFile);
        var map = ReadJson(path, MapFile, readFile);
        foreach (var key in Keys)
        {
            if ((Content(config[key]) ?? Content(map[key])) is { } token)
            {
                _tokens[key] = token;
            }
        }

        // Models give tokens names of their own, such as 'image_token'.
        foreach (var (key, value) in NamedKeys.SelectMany(
            key => (config[key] ?? map[key]) as JsonObject ?? []))
        {
            if (Content(value) is { } token)
            {
                _tokens.TryAdd(key, token);
            }
        }

        // Transformers 5 lists them under 'extra_special_tokens', which held named ones before.
        _additional = [.. ((config[AdditionalKey] ?? map[AdditionalKey] ?? config[ExtraKey]) as JsonArray ?? [])
            .Select(Content).OfType<string>()];
        EndTokenId = _tokens.TryGetValue("eos_token", out var end) ? FindId(end, config, path, readFile) : null;
        _defaultTemplate = ReadText(path, "chat_template.jinja", readFile);
        if (_defaultTemplate is not null)
        {
            _findTemplate = name => ReadText(path, $"{TemplateFolder}/{name}.jinja", readFile)
                ?? (name == DefaultName ? _defaultTemplate : null);
        }
        else
        {
            var templates = config["chat_template"] ?? ReadJson(path, "chat_template.json", readFile)["chat_template"];
            _findTemplate = name => name == DefaultName ? Text(templates) ?? Named(templates, name)
                : Named(templates, name);
            _defaultTemplate = _findTemplate(DefaultName);
        }

        _toolTemplate = _findTemplate(ToolName) ?? _defaultTemplate;
    }

    /// <summary>The id of <c>eos_token</c>; null where no file names the token, or none gives it an id.</summary>
    public int? EndTokenId { get; }

    /// <summary>Reads the files of a package or a checkpoint.</summary>
    /// <param name="path">The folder or file that errors name.</param>
    /// <param name="readFile">Reads a file by its name; null where it is absent.</param>
    /// <exception cref="PackageException">A file is malformed.</exception>
    public static TokenizerConfig Read(string path, Func<string, byte[]?> readFile)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(readFile);
        return new TokenizerConfig(path, readFile);
    }

    /// <summary>The source of the chat template that a request uses; null where there is none.</summary>
    /// <param name="withTools">Asks for the template of requests with tools, where one is named.</param>
    public string? ChatTemplate(bool withTools) => withTools ? _toolTemplate : _defaultTemplate;

    /// <summary>The source of a chat template by its name; null where there is none of that name.</summary>
    /// <param name="name"><c>default</c>, <c>tool_use</c>, <c>rag</c> or another that the files use.</param>
    /// <exception cref="PackageException">The template's file is malformed.</exception>
    public string? ChatTemplate(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name.AsSpan().ContainsAnyExcept(NameCharacters) ? null : _findTemplate(name);
    }

    /// <summary>Gives a chat template the special tokens by their names; names that are set already stay.</summary>
    /// <param name="variables">The template's variables.</param>
    public void AddTo(JsonObject variables)
    {
        ArgumentNullException.ThrowIfNull(variables);
        foreach (var (key, token) in _tokens)
        {
            variables.TryAdd(key, token);
        }

        if (_additional.Length > 0)
        {
            variables.TryAdd(AdditionalKey, new JsonArray([.. _additional.Select(token => (JsonNode)token)]));
        }
    }

    private static string? Text(JsonNode? node) => node?.GetValueKind() == JsonValueKind.String
        ? node.GetValue<string>()
        : null;

    private static string? Content(JsonNode? node) => node is JsonObject token ? Text(token["content"]) : Text(node);

    private static string? Named(JsonNode? templates, string name) => (templates as JsonArray)?.OfType<JsonObject>()
        .Where(entry => Text(entry["name"]) == name).Select(entry => Text(entry["template"])).FirstOrDefault();

    private static string? ReadText(string path, string name, Func<string, byte[]?> readFile)
    {
        if (readFile(name) is not { } content)
        {
            return null;
        }

        return Utf8.IsValid(content)
            ? System.Text.Encoding.UTF8.GetString(WithoutMark(content))
            : throw Invalid(path, name, "it is not UTF-8.");
    }

    private static JsonObject ReadJson(string path, string name, Func<string, byte[]?> readFile)
    {
        if (readFile(name) is not { } content)
        {
            return [];
        }

        try
        {
            // The clone reads every text, so that characters that are none are found here.
            var json = JsonNode.Parse(WithoutMark(content), documentOptions: Options);
            return Materialized(json) as JsonObject ?? throw new JsonException("It is not a JSON object.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw Invalid(path, name, exception.Message, exception);
        }
    }

    private static JsonNode? Materialized(JsonNode? node) => node switch
    {
        JsonObject fields => new JsonObject(
            fields.Select(pair => new KeyValuePair<string, JsonNode?>(pair.Key, Materialized(pair.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Materialized)]),
        _ when Text(node) is { } text => JsonValue.Create(text),
        _ => node?.DeepClone(),
    };

    private static ReadOnlySpan<byte> WithoutMark(byte[] content) =>
        content.AsSpan().StartsWith("\uFEFF"u8) ? content.AsSpan(3) : content;

    private static PackageException Invalid(string path, string name, string message, Exception? exception = null) =>
        new(path, $"The file '{name}' of '{path}' is not valid: {message} Fetch it again, or mend it.", exception);

    // The smaller files come first; a 'tokenizer.json' has megabytes.
    private static int? FindId(string token, JsonObject config, string path, Func<string, byte[]?> readFile)
    {
        foreach (var (id, entry) in config["added_tokens_decoder"] as JsonObject ?? [])
        {
            if (Content(entry) == token
                && int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var known))
            {
                return known;
            }
        }

        return Id(ReadJson(path, AddedFile, readFile)[token])
            ?? (readFile(TokenizerFile) is { } content ? FindId(token, content) : null);
    }

    // A file that is no valid tokenizer has no ids here: what reads the tokenizer says what is wrong with it.
    private static int? FindId(string token, byte[] tokenizer)
    {
        try
        {
            using var document = JsonDocument.Parse(
                tokenizer.AsMemory(tokenizer.Length - WithoutMark(tokenizer).Length));
            var root = document.RootElement;
            return Member(root, "added_tokens") is { ValueKind: JsonValueKind.Array } added
                    && added.EnumerateArray().Any(entry => Is(Member(entry, "content"), token))
                ? Id(Member(added.EnumerateArray().First(entry => Is(Member(entry, "content"), token)), "id"))
                : Member(Member(root, "model"), "vocab") switch
                {
                    { ValueKind: JsonValueKind.Object } ids => Id(Member(ids, token)),
                    { ValueKind: JsonValueKind.Array } scores => scores.EnumerateArray().Index()
                        .Where(entry => entry.Item is { ValueKind: JsonValueKind.Array } pair
                            && pair.GetArrayLength() > 0 && Is(pair[0], token))
                        .Select(entry => (int?)entry.Index).FirstOrDefault(),
                    _ => null,
                };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static JsonElement Member(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value : default;

    private static bool Is(JsonElement element, string text) =>
        element.ValueKind == JsonValueKind.String && element.ValueEquals(text);

    private static int? Id(JsonElement element) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var id) && id >= 0 ? id : null;

    private static int? Id(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out int id) && id >= 0 ? id : null;
}
