namespace Slipway.Checkpoints.Gguf;

// Typed access to a file's metadata; a value of the wrong kind is said by its key.
internal sealed class GgufMetadata(string path, IReadOnlyDictionary<string, object> values)
{
    private const long Largest = 1L << 31;

    public string Path => path;

    // general.architecture, the prefix of the model's own keys.
    public string Architecture => Text("general.architecture")
        ?? throw Bad("general.architecture", "the name of an architecture, such as 'llama'");

    public bool Has(string key) => values.ContainsKey(key);

    public string? Text(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        string text => text,
        _ => throw Bad(key, "a text"),
    };

    public bool? Flag(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        bool flag => flag,
        _ => throw Bad(key, "true or false"),
    };

    // A size or a token id.
    public long? Whole(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        ulong and < (ulong)Largest and var number => (long)number,
        long and >= 0 and < Largest and var number => number,
        _ => throw Bad(key, "a number from 0 to 2147483647"),
    };

    public double? Number(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        double number when double.IsFinite(number) => number,
        ulong number => number,
        long number => number,
        _ => throw Bad(key, "a finite number"),
    };

    public IReadOnlyList<T>? List<T>(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        object[] list when Array.TrueForAll(list, item => item is T) => [.. list.Cast<T>()],
        _ => throw Bad(key, $"a list of {typeof(T).Name}"),
    };

    public CheckpointException Bad(string key, string expected)
    {
        var value = values.TryGetValue(key, out var found) ? found is object[] list ? $"{list.Length} values" : $"{found}" : "missing";
        value = value.Length > 100 ? string.Concat(value.AsSpan(0, 100), "…") : value;
        return new($"The metadata '{key}' of the GGUF file '{path}' is '{value}'; expected {expected}. "
            + "Download the file again, or convert the model anew.", path);
    }
}
