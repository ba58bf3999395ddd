using System.Text.Json;

namespace Slipway.Tokenization.Files;

/// <summary>A value in a tokenizer file that knows where it stands, so that every complaint can say so.</summary>
/// <remarks>Vocabularies have very many values, so where one stands is only written out for a complaint.</remarks>
internal readonly struct Section(JsonElement element, string path, string source, int index = -1, int inner = -1)
{
    public JsonElement Element { get; } = element;

    public string Path => index < 0 ? path : inner < 0 ? $"{path}[{index}]" : $"{path}[{index}][{inner}]";

    public string Source { get; } = source;

    public bool IsNull => Element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public string Type => String("type");

    /// <summary>The value of a key; a section that is null where the key is missing.</summary>
    public Section this[string key] => new(
        Require(JsonValueKind.Object).Element.TryGetProperty(key, out var value) ? value : default,
        Path.Length == 0 ? key : $"{Path}.{Quoted.Short(key)}", Source);

    public string String(string key) => this[key].AsString();

    public string? OptionalString(string key) => this[key] is { IsNull: false } value ? value.AsString() : null;

    public bool Bool(string key, bool missing) => this[key] switch
    {
        { IsNull: true } => missing,
        { Element.ValueKind: JsonValueKind.True } => true,
        { Element.ValueKind: JsonValueKind.False } => false,
        { } other => throw other.Wrong("true or false"),
    };

    public int Int(string key) => this[key].AsInt();

    public int AsInt() =>
        Element.ValueKind == JsonValueKind.Number && Element.TryGetInt32(out var value)
            ? value : throw Wrong("an integer");

    public string AsString() =>
        Element.ValueKind == JsonValueKind.String ? Element.GetString()! : throw Wrong("a string");

    public Section Require(JsonValueKind kind) =>
        Element.ValueKind == kind ? this : throw Wrong(kind == JsonValueKind.Object ? "an object" : "a list");

    public IEnumerable<Section> Items()
    {
        Require(JsonValueKind.Array);
        var own = Path;
        var next = 0;
        foreach (var item in Element.EnumerateArray())
        {
            yield return new Section(item, own, Source, next++);
        }
    }

    /// <summary>An item of a list that is long enough, and an item of a list itself.</summary>
    public Section At(int item) => new(Element[item], path, Source, index, item);

    public TokenizerFormatException Wrong(string expected)
    {
        var found = IsNull ? "missing" : $"'{Quoted.Short(Element.GetRawText())}'";
        return Error($"'{Path}' is {found}; expected {expected}.");
    }

    public TokenizerFormatException Unknown(string what, IEnumerable<string> known) => Error(
        $"'{Path}' names the {what} '{Quoted.Short(Type)}', which is not supported; supported are " +
        $"{string.Join(", ", known.Select(name => $"'{name}'"))}.");

    public TokenizerFormatException Error(string message) => new($"Tokenizer '{Source}': {message}", Source);
}
