using System.Globalization;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// Fills a config.json from metadata whose keys carry the architecture's name.
internal sealed class GgufConfig(GgufFile file, string architecture)
{
    private const int MaxLayers = 4096;

    public GgufFile File => file;

    public GgufMetadata Metadata => file.Metadata;

    public JsonObject Json { get; } = [];

    public bool Has(string key) => Metadata.Has(Key(key));

    public bool HasTensor(string name) => file.Tensors.ContainsKey(name);

    public long Integer(string key) => OptionalInteger(key) ?? throw Metadata.Missing(Key(key));

    // A number, or a list of the same number for every layer.
    public long? OptionalInteger(string key)
    {
        if (!Metadata.IsArray(Key(key)))
        {
            return Metadata.Integer(Key(key));
        }

        var values = Metadata.Integers(Key(key))!;
        return values.Length > 0 && values.All(value => value == values[0]) ? values[0] : throw Metadata.Bad(
            Key(key), $"[{string.Join(", ", values.Take(8))}]", "the same number for every layer");
    }

    public double? Number(string key) => Metadata.Number(Key(key)) is { } number ? Shortest(number) : null;

    public double RequiredNumber(string key) => Number(key) ?? throw Metadata.Missing(Key(key));

    public string? Text(string key) => Metadata.Text(Key(key));

    public long[]? Integers(string key) => Metadata.Integers(Key(key));

    // The number of layers, small enough to count to.
    public int Layers()
    {
        var layers = Integer("block_count");
        return layers is > 0 and <= MaxLayers ? (int)layers : throw Metadata.Bad(
            Key("block_count"), layers, $"1 to {MaxLayers}");
    }

    public JsonNode? this[string key]
    {
        set => Json[key] = value;
    }

    public string Key(string key) => $"{architecture}.{key}";

    // Numbers are stored as float32; 1e-5 must not become 9.999999747378752e-06.
    public static double Shortest(double number) =>
        double.Parse(((float)number).ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}
