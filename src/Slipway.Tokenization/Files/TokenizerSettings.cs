using System.Globalization;
using System.Text.Json;

namespace Slipway.Tokenization.Files;

/// <summary>The <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> beside a vocabulary.</summary>
/// <remarks>The first wins; both may be missing. Source: the files that transformers' tokenizers save.</remarks>
internal sealed class TokenizerSettings
{
    private const string ConfigFile = "tokenizer_config.json", MapFile = "special_tokens_map.json";

    private static readonly string[] TokenKeys =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);
    private readonly Dictionary<string, bool> _flags = new(StringComparer.Ordinal);

    private TokenizerSettings(string folder)
    {
        JsonFile.Read(Path.Combine(folder, ConfigFile), ReadConfig);
        JsonFile.Read(Path.Combine(folder, MapFile), ReadTokens);
    }

    /// <summary>The <c>tokenizer_class</c> without an ending <c>Fast</c>; null where none is named.</summary>
    public string? Class { get; private set; }

    /// <summary>The entries of <c>added_tokens_decoder</c>.</summary>
    public List<AddedToken> AddedTokens { get; } = [];

    /// <summary>The texts of all special tokens that have a name.</summary>
    public IReadOnlyCollection<string> SpecialTokens => _tokens.Values;

    public static TokenizerSettings Read(string folder) => new(folder);

    /// <summary>The text of a token by its name, such as <c>bos_token</c>; null where no file names it.</summary>
    public string? Token(string key) => _tokens.GetValueOrDefault(key);

    /// <summary>A setting that is true or false; null where it is missing.</summary>
    public bool? Flag(string key) => _flags.TryGetValue(key, out var value) ? value : null;

    private void ReadConfig(Section root)
    {
        const string fast = "Fast";
        var name = root.OptionalString("tokenizer_class");
        Class = name is not null && name.EndsWith(fast, StringComparison.Ordinal) ? name[..^fast.Length] : name;
        foreach (var property in root.Require(JsonValueKind.Object).Element.EnumerateObject())
        {
            if (property.Value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            {
                _flags[property.Name] = property.Value.GetBoolean();
            }
        }

        ReadTokens(root);
        var added = root["added_tokens_decoder"];
        if (!added.IsNull)
        {
            foreach (var entry in added.Require(JsonValueKind.Object).Element.EnumerateObject())
            {
                AddedTokens.Add(ReadAdded(added[entry.Name], entry.Name));
            }
        }
    }

    private static AddedToken ReadAdded(Section entry, string key) =>
        int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            && id <= VocabularyReader.MaximumId
                ? new AddedToken(
                    id, entry.String("content"), entry.Bool("special", false), entry.Bool("single_word", false),
                    entry.Bool("lstrip", false), entry.Bool("rstrip", false), entry.Bool("normalized", false))
                : throw entry.Error(
                    $"'{entry.Path}' has no id for its key; expected one from 0 to {VocabularyReader.MaximumId}.");

    private void ReadTokens(Section root)
    {
        foreach (var key in TokenKeys)
        {
            var value = root[key];
            if (!value.IsNull)
            {
                _tokens.TryAdd(
                    key, value.Element.ValueKind == JsonValueKind.Object ? value.String("content") : value.AsString());
            }
        }
    }
}
