using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Packaging;

namespace Slipway.Encoders;

/// <summary>Reads single settings out of the JSON files of a package.</summary>
/// <remarks>Used by one thread, while a model is loaded.</remarks>
internal sealed class PackageFiles
{
    private readonly Func<string, string?> _find;
    private readonly Dictionary<string, JsonObject?> _files = new(StringComparer.Ordinal);

    public PackageFiles(EncoderPackage package) => (Path, _find) = (package.Path, package.FindFile);

    public PackageFiles(ModelPackage package) => (Path, _find) = (package.Path, package.FindFile);

    /// <summary>The package folder's full path.</summary>
    public string Path { get; }

    /// <summary>Tells whether the package has a file.</summary>
    public bool Has(string file) => _find(file) is not null;

    /// <summary>Finds a value by the keys that lead to it; null where the file or a key is missing.</summary>
    /// <exception cref="PackageException">The file is no JSON object.</exception>
    public JsonNode? Find(string file, params ReadOnlySpan<string> keys)
    {
        JsonNode? value = Read(file);
        foreach (var key in keys)
        {
            value = (value as JsonObject)?[key];
        }

        return value;
    }

    /// <summary>Finds a text; null where there is none.</summary>
    public string? Text(string file, params ReadOnlySpan<string> keys)
        => Find(file, keys) is { } value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>() : null;

    /// <summary>Finds a whole number; null where there is none.</summary>
    public int? Number(string file, params ReadOnlySpan<string> keys)
        => Find(file, keys) is { } value && value.GetValueKind() == JsonValueKind.Number
            && value.AsValue().TryGetValue(out int number) ? number : null;

    /// <summary>Tells whether a value is true.</summary>
    public bool IsTrue(string file, params ReadOnlySpan<string> keys)
        => Find(file, keys)?.GetValueKind() == JsonValueKind.True;

    /// <summary>Lists the modules that Sentence Transformers would run; none where no file says.</summary>
    /// <exception cref="PackageException">The file is no list of modules.</exception>
    public IReadOnlyList<(string Path, string Type)> Modules()
    {
        return _find("modules.json") is not { } path ? [] :
        [
            .. Parse<JsonArray>(path, "a list").OfType<JsonObject>()
                .Select(module => (Text(module["path"]), Text(module["type"]))),
        ];

        static string Text(JsonNode? value)
            => value?.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : "";
    }

    private JsonObject? Read(string file)
    {
        if (!_files.TryGetValue(file, out var content))
        {
            content = _find(file) is { } path ? Parse<JsonObject>(path, "an object") : null;
            _files.Add(file, content);
        }

        return content;
    }

    private static T Parse<T>(string path, string expected)
        where T : JsonNode
    {
        try
        {
            return JsonNode.Parse(
                File.ReadAllBytes(path), documentOptions: new() { AllowDuplicateProperties = false }) as T
                ?? throw new JsonException($"expected {expected}.");
        }
        catch (JsonException e)
        {
            throw new PackageException(
                path, $"The file '{path}' is not valid: {e.Message} Export the package again, or mend the file.", e);
        }
    }
}
