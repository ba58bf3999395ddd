using System.Globalization;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// The metadata of a GGUF file: keys such as 'llama.block_count' with checked access by kind.
internal sealed class GgufMetadata(CheckpointFile file, Dictionary<string, object> values)
{
    private const int LongestArray = 1 << 24;

    public string Path => file.Path;

    public bool Has(string key) => values.ContainsKey(key);

    public string? Text(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        string text => text,
        var other => throw Bad(key, other, "a text"),
    };

    public string RequiredText(string key) => Text(key) ?? throw Missing(key);

    public bool? Flag(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        bool flag => flag,
        var other => throw Bad(key, other, "true or false"),
    };

    public long? Integer(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        long number => number,
        var other => throw Bad(key, other, "a whole number of 63 bits"),
    };

    public long RequiredInteger(string key) => Integer(key) ?? throw Missing(key);

    public double? Number(string key) => values.GetValueOrDefault(key) switch
    {
        null => null,
        double number when double.IsFinite(number) => number,
        long number => number,
        var other => throw Bad(key, other, "a finite number"),
    };

    public double RequiredNumber(string key) => Number(key) ?? throw Missing(key);

    public bool IsArray(string key) => values.GetValueOrDefault(key) is GgufArray;

    public string[]? Texts(string key) => Array(key, GgufValueType.String)?.Cast<string>().ToArray();

    public long[]? Integers(string key) => Items(key)?.Select(item => item switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => throw Bad(key, item, "a list of whole numbers"),
    }).ToArray();

    public double[]? Numbers(string key) => Items(key)?.Select(item => item switch
    {
        double number => number,
        long number => (double)number,
        _ => throw Bad(key, item, "a list of numbers"),
    }).ToArray();

    public CheckpointException Missing(string key) => new(
        $"The GGUF file '{Path}' lacks the metadata '{key}'. Its model cannot be described without it; convert the " +
        "model with a current converter (llama.cpp's 'convert_hf_to_gguf.py').", Path);

    public CheckpointException Bad(string key, object value, string expected) => new(
        $"The metadata '{key}' of the GGUF file '{Path}' is '{Show(value)}'; expected {expected}. Convert the model " +
        "with a current converter (llama.cpp's 'convert_hf_to_gguf.py').", Path);

    private static string Show(object value) => value switch
    {
        GgufArray array => $"a list of {array.Count} values of type {array.ItemType}",
        string { Length: > 80 } text => string.Concat(text.AsSpan(0, 77), "..."),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private List<object>? Array(string key, GgufValueType type)
    {
        var value = values.GetValueOrDefault(key);
        return value is not null and not GgufArray ? throw Bad(key, value, "a list")
            : value is GgufArray array && array.ItemType != type ? throw Bad(key, array, $"a list of type {type}")
            : Items(key);
    }

    private List<object>? Items(string key)
    {
        switch (values.GetValueOrDefault(key))
        {
            case null:
                return null;
            case GgufArray { Count: <= LongestArray, ItemType: not GgufValueType.Array } array:
                var cursor = new ByteCursor(file, "GGUF");
                cursor.Skip(array.Offset, key);
                var items = new List<object>();
                for (long i = 0; i < array.Count; i++)
                {
                    items.Add(GgufHeader.ReadScalar(cursor, array.ItemType, key));
                }

                return items;
            case var other:
                throw Bad(key, other, $"a plain list of at most {LongestArray} values");
        }
    }
}
