using System.Text.Json.Nodes;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>
/// Rewrites a <c>vocab.json</c> with its <c>merges.txt</c>, byte-level BPE, as a <c>tokenizer.json</c>.
/// </summary>
/// <remarks>
/// The two files do not say how text is split: the <c>tokenizer_class</c> of <c>tokenizer_config.json</c> does. The
/// table is <see cref="Classes"/>. Source: the converters of transformers' slow tokenizers.
/// </remarks>
internal static class VocabularyAndMerges
{
    public const string VocabularyName = "vocab.json", MergesName = "merges.txt";

    private const string Unnamed = "GPT2Tokenizer";

    private static readonly Way Gpt2 = new(null, Composes: false, "<|endoftext|>", "<|endoftext|>", Surrounds: false);
    private static readonly Way Roberta = Gpt2 with { First = "<s>", Last = "</s>", Surrounds = true };

    private static readonly Dictionary<string, Way> Classes = new(StringComparer.Ordinal)
    {
        [Unnamed] = Gpt2,
        ["CodeGenTokenizer"] = Gpt2,
        ["GPTNeoXTokenizer"] = Gpt2,
        ["Qwen2Tokenizer"] = Gpt2 with { Pattern = PublishedPatterns.Qwen2Text, Composes = true },
        ["RobertaTokenizer"] = Roberta,
        ["LongformerTokenizer"] = Roberta,
        ["BartTokenizer"] = Roberta,
        ["LEDTokenizer"] = Roberta,
    };

    /// <summary>A class's way: its pattern, and the tokens that begin and end a text.</summary>
    private sealed record Way(string? Pattern, bool Composes, string First, string Last, bool Surrounds);

    public static JsonObject ToJson(string folder, TokenizerSettings settings, List<string> warnings)
    {
        var way = Find(folder, settings, warnings);
        Dictionary<string, int> ids = [];
        JsonFile.Read(Path.Combine(folder, VocabularyName), root => ids = VocabularyReader.Read(root));
        var first = TokenizerJson.Find(settings.Token("bos_token") ?? way.First, ids);
        var last = TokenizerJson.Find(settings.Token("eos_token") ?? way.Last, ids);
        var addPrefixSpace = settings.Flag("add_prefix_space") ?? false;
        return new JsonObject
        {
            ["added_tokens"] = TokenizerJson.AddedTokens([.. settings.SpecialTokens, way.First, way.Last], ids),
            ["normalizer"] = way.Composes ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = TokenizerJson.PreTokenizer(way.Pattern, addPrefixSpace),
            ["post_processor"] = way.Surrounds && first is { } start && last is { } end
                ? new JsonObject
                {
                    ["type"] = "RobertaProcessing", ["cls"] = new JsonArray(start.Token, start.Id),
                    ["sep"] = new JsonArray(end.Token, end.Id),
                }
                : TokenizerJson.Surround(
                    settings.Flag("add_bos_token") ?? false ? first : null,
                    settings.Flag("add_eos_token") ?? false ? last : null),
            ["decoder"] = TokenizerJson.ByteLevel(addPrefixSpace, useRegex: true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = new JsonObject(ids.Select(pair =>
                    new KeyValuePair<string, JsonNode?>(pair.Key, pair.Value))),
                ["merges"] = Merges(Path.Combine(folder, MergesName)),
            },
        };
    }

    private static Way Find(string folder, TokenizerSettings settings, List<string> warnings)
    {
        if (settings.Class is { } name && Classes.TryGetValue(name, out var way))
        {
            return way;
        }

        warnings.Add(
            $"The files '{VocabularyName}' and '{MergesName}' of '{folder}' do not say how text is split, and "
            + (settings.Class is { } other ? $"the tokenizer_class '{Quoted.Short(other)}' is not known"
                : "no 'tokenizer_config.json' names a tokenizer_class")
            + $"; it is split as {Unnamed} does. Put the model's 'tokenizer.json' beside them, or name one of "
            + $"{string.Join(", ", Classes.Keys)}.");
        return Gpt2;
    }

    // The first line may state a version; a merge is two tokens with a space between.
    private static JsonArray Merges(string path)
    {
        JsonArray merges = [];
        foreach (var (number, line) in TextLines.Read(path).Index())
        {
            if (line.Length > 0 && !(number == 0 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                merges.Add((JsonNode)line);
            }
        }

        return merges;
    }
}
