using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway.Chat;

/// <summary>Holds a package's chat templates and the special tokens that they name. Immutable.</summary>
/// <remarks>
/// <c>chat_template.jinja</c> wins over <c>tokenizer_config.json</c>, whose <c>chat_template</c> is one template or a
/// list of named ones, <c>default</c> and <c>tool_use</c> among them.
/// </remarks>
internal sealed class PackageTemplates
{
    private const string ConfigFile = "tokenizer_config.json";
    private const long LargestFile = 16 << 20;

    private static readonly string[] SpecialTokens =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly (string Source, ChatTemplate Template)? _default;
    private readonly (string Source, ChatTemplate Template)? _withTools;
    private readonly JsonObject _specialTokens = [];

    private PackageTemplates(ModelPackage package)
    {
        var path = package.FindFile(ConfigFile);
        var config = path is null ? null : ReadJson(path);
        foreach (var key in SpecialTokens)
        {
            // A token is its text, or an object that holds it as 'content'.
            var token = config?[key] is JsonObject added ? added["content"] : config?[key];
            if (token is JsonValue && token.GetValueKind() == JsonValueKind.String)
            {
                _specialTokens[key] = token.DeepClone();
            }
        }

        if (package.FindFile("chat_template.jinja") is { } file)
        {
            _default = _withTools = Parse(ReadText(file));
        }
        else if (config?["chat_template"] is JsonArray named)
        {
            _default = Find(named, "default");
            _withTools = Find(named, "tool_use") ?? _default;
        }
        else if (config?["chat_template"] is JsonValue single && single.GetValueKind() == JsonValueKind.String)
        {
            _default = _withTools = Parse(single.GetValue<string>());
        }
    }

    /// <summary>Reads the templates of a package.</summary>
    /// <exception cref="PackageException">A file is malformed.</exception>
    public static PackageTemplates Read(ModelPackage package) => new(package);

    /// <summary>The template that a request uses; null where the package has none.</summary>
    public ChatTemplate? Template(bool withTools) => (withTools ? _withTools : _default)?.Template;

    /// <summary>The source of the template that a request uses; null where the package has none.</summary>
    public string? Source(bool withTools) => (withTools ? _withTools : _default)?.Source;

    /// <summary>Renders a conversation.</summary>
    public string Render(JsonObject variables, DateTimeOffset now)
    {
        foreach (var (name, value) in _specialTokens)
        {
            variables.TryAdd(name, value!.DeepClone());
        }

        return Template(variables.ContainsKey("tools"))!.Render(variables, now);
    }

    private static (string, ChatTemplate)? Find(JsonArray named, string name)
        => named.OfType<JsonObject>().FirstOrDefault(entry => (string?)entry["name"] == name)?["template"] is { } template
            ? Parse((string)template!)
            : null;

    private static (string, ChatTemplate) Parse(string source) => (source, ChatTemplate.Parse(source));

    private static JsonObject ReadJson(string path)
    {
        try
        {
            return JsonNode.Parse(ReadText(path)) as JsonObject
                ?? throw new JsonException("It is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new PackageException(
                path,
                $"The file '{path}' is not valid: {e.Message} Export the package again, or mend the file.",
                e);
        }
    }

    private static string ReadText(string path)
        => new FileInfo(path).Length is > LargestFile and var length
            ? throw new PackageException(
                path,
                $"The file '{path}' has {length} bytes; at most {LargestFile} are read. It is not a package's.")
            : File.ReadAllText(path);
}
