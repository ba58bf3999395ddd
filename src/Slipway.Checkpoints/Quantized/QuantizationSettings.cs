using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Quantized;

// What the configuration says about how the weights were quantized, for all of them or for one module.
internal sealed class QuantizationSettings
{
    // Files that libraries wrote before the section of config.json, and the methods that they belong to.
    private static readonly (string File, string Method)[] OwnFiles =
        [("quantize_config.json", "gptq"), ("quant_config.json", "awq"), ("hf_quant_config.json", "modelopt")];

    private static readonly TimeSpan MatchLimit = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly JsonObject _section;
    private readonly JsonObject? _own;

    private QuantizationSettings(string path, string method, JsonObject section, JsonObject? own = null)
    {
        _path = path;
        _section = section;
        _own = own;
        Method = method;
    }

    public string Method { get; }

    // The settings of a checkpoint; null where it has none.
    public static QuantizationSettings? Read(Checkpoint checkpoint)
    {
        if (checkpoint.ReadFile("config.json") is not null)
        {
            var config = checkpoint.Config;
            var section = config["quantization_config"] ?? config["compression_config"]
                ?? (config["text_config"] as JsonObject)?["quantization_config"];
            if (section is JsonObject found)
            {
                var isOld = config["compression_config"] == section;
                return Of(checkpoint.Path, found, isOld ? "compressed-tensors" : null);
            }
        }

        foreach (var (file, method) in OwnFiles)
        {
            if (checkpoint.ReadFile(file) is { } json)
            {
                var folder = Directory.Exists(checkpoint.Path)
                    ? checkpoint.Path : CheckpointFolder.Of(checkpoint.Path);
                return Of(checkpoint.Path, JsonFile.Parse(json, Path.Combine(folder, file)), method);
            }
        }

        return null;
    }

    // Settings that name a method alone.
    public static QuantizationSettings Of(string path, string method) => new(path, method, []);

    // The same settings with what they say of one module on top: 'dynamic' of GPTQModel, 'extra_config' of AutoRound.
    public QuantizationSettings For(string module)
    {
        var own = (_section["extra_config"] as JsonObject)?[module] as JsonObject
            ?? FindByPattern("dynamic", module) ?? FindByPattern("extra_config", module);
        return own is null ? this : new QuantizationSettings(_path, Method, _section, own);
    }

    public string? Text(string key) =>
        Value(key) is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    public bool Flag(string key) => Value(key) is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    public JsonObject? Section(string key) => Value(key) as JsonObject;

    public int? OptionalWhole(string key) => Value(key) is null ? null : Whole(key);

    // A number under the first of these keys that is there.
    public int Whole(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            if (Value(key) is { } node)
            {
                return node is JsonValue value && value.TryGetValue<int>(out var number)
                    ? number : throw Bad(key, "a whole number");
            }
        }

        throw Bad(keys[0], "a whole number");
    }

    // Two numbers, such as the rows and columns of a block; null where the key is absent or null.
    public (int Rows, int Columns)? Pair(JsonObject section, string key) => section[key] switch
    {
        null => null,
        JsonArray { Count: 2 } list when list[0] is JsonValue rows && rows.TryGetValue<int>(out var first) && first > 0
            && list[1] is JsonValue columns && columns.TryGetValue<int>(out var second) && second > 0 =>
            (first, second),
        var other => throw Bad(key, "two whole numbers above 0, the rows and columns of a block", other),
    };

    public (int Rows, int Columns)? Pair(string key) => Pair(_section, key);

    // Tells whether a pattern of the settings fits a name from its beginning on, as Python's re.match does.
    public bool Fits(string key, string pattern, string name)
    {
        try
        {
            return Regex.IsMatch(name, $@"\A(?:{pattern})", RegexOptions.CultureInvariant, MatchLimit);
        }
        catch (Exception error) when (error is ArgumentException or RegexMatchTimeoutException)
        {
            throw Bad(key, "patterns that can be matched", JsonValue.Create(pattern));
        }
    }

    public CheckpointException Bad(string key, string expected) => Bad(key, expected, Value(key));

    // An exception for what the library can write and is not read here.
    public CheckpointException Unsupported(string what) => new(
        $"The weights of '{_path}' are quantized by the method '{Method}' {what}, which cannot be read. Use the " +
        "checkpoint that it was made from.", _path);

    private CheckpointException Bad(string key, string expected, JsonNode? value) => new(
        $"'quantization_config.{key}' in the configuration of '{_path}' is '{JsonFile.Describe(value)}'; expected " +
        $"{expected}. Put the configuration that was published with these weights beside them.", _path);

    private JsonNode? Value(string key) => _own?[key] ?? _section[key];

    private JsonObject? FindByPattern(string key, string module)
    {
        foreach (var (pattern, value) in _section[key] as JsonObject ?? [])
        {
            var plain = pattern.StartsWith("+:", StringComparison.Ordinal) ? pattern[2..] : pattern;
            if (value is JsonObject own && !pattern.StartsWith("-:", StringComparison.Ordinal)
                && Fits(key, plain, module))
            {
                return own;
            }
        }

        return null;
    }

    private static QuantizationSettings Of(string path, JsonObject section, string? presumed)
    {
        // ModelOpt nests its settings beside the name of the producer.
        var settings = section["quantization"] as JsonObject ?? section;
        var method = section["quant_method"] is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : presumed ?? (settings["quant_algo"] is null ? null : "modelopt");
        QuantizationSettings result = new(path, method ?? "", settings);
        return method is null ? throw result.Bad("quant_method", "a text") : result;
    }
}
