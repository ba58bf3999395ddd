using System.Buffers.Text;
using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>
/// Rewrites a file of tiktoken, a token's bytes in base64 and its rank a line, as a <c>tokenizer.json</c>.
/// </summary>
/// <remarks>
/// The file does not say how text is split: its name does, or the <c>tokenizer_class</c> of the
/// <c>tokenizer_config.json</c> beside it. The table is <see cref="Encodings"/>. Source: tiktoken's
/// <c>load_tiktoken_bpe</c> and <c>openai_public.py</c>.
/// </remarks>
internal static class TiktokenFile
{
    private const int LongestLine = 4096;

    private static readonly Encoding Cl100K = new(
        PublishedPatterns.Cl100KText, ("<|endoftext|>", 100257), ("<|fim_prefix|>", 100258),
        ("<|fim_middle|>", 100259), ("<|fim_suffix|>", 100260), ("<|endofprompt|>", 100276));

    private static readonly Encoding Gpt2 = new(PublishedPatterns.Gpt2Text, ("<|endoftext|>", 50256));
    private static readonly Encoding Qwen = new(PublishedPatterns.Qwen2Text) { Composes = true };

    private static readonly Dictionary<string, Encoding> Encodings = new(StringComparer.Ordinal)
    {
        ["cl100k_base"] = Cl100K,
        ["o200k_base"] = new(
            PublishedPatterns.O200KText, ("<|endoftext|>", 199999), ("<|endofprompt|>", 200018)),
        ["r50k_base"] = Gpt2,
        ["p50k_base"] = Gpt2,
        ["qwen"] = Qwen,
        ["QWenTokenizer"] = Qwen,
        ["Qwen2Tokenizer"] = Qwen,
        ["TikTokenTokenizer"] = new(PublishedPatterns.KimiText),
        ["ChatGLM4Tokenizer"] = new(PublishedPatterns.Cl100KText),
    };

    /// <summary>A way of splitting and its special tokens, which the file does not list.</summary>
    private sealed record Encoding(string Pattern, params (string Token, int Id)[] Special)
    {
        /// <summary>True where text is brought into Unicode's form NFC first.</summary>
        public bool Composes { get; init; }
    }

    /// <summary>Tells ranks from a SentencePiece model, as both are called <c>tokenizer.model</c>.</summary>
    public static bool IsOne(ReadOnlySpan<byte> content)
    {
        var end = content.IndexOf((byte)'\n');
        var line = content[..Math.Min(end < 0 ? content.Length : end, LongestLine)];
        var space = line.IndexOf((byte)' ');
        return space > 0 && Base64.IsValid(line[..space]) && char.IsAsciiDigit((char)line[^1]);
    }

    public static JsonObject ToJson(string path, TokenizerSettings settings, List<string> warnings)
    {
        var encoding = Find(path, settings, warnings);
        JsonObject vocabulary = [];
        foreach (var (number, line) in TextLines.Read(path).Index())
        {
            if (line.Length > 0)
            {
                var (token, rank) = Entry(line, number + 1, path);
                if (!vocabulary.TryAdd(token, rank))
                {
                    throw Bad(path, number + 1, line, "has a token that an earlier line has");
                }
            }
        }

        for (var value = 0; value < 256; value++)
        {
            if (!vocabulary.ContainsKey(ByteAlphabet.CharOf((byte)value).ToString()))
            {
                throw new TokenizerFormatException(
                    $"Tokenizer '{path}' lacks the byte 0x{value:X2}, so that some texts have no tokens. Download the "
                    + "file again.", path);
            }
        }

        JsonArray added = [];
        foreach (var (token, id) in encoding.Special)
        {
            added.Add((JsonNode)new JsonObject
            {
                ["id"] = id, ["content"] = token, ["special"] = true, ["normalized"] = false,
            });
        }

        return new JsonObject
        {
            ["added_tokens"] = added,
            ["normalizer"] = encoding.Composes ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = TokenizerJson.PreTokenizer(encoding.Pattern, addPrefixSpace: false),
            ["decoder"] = TokenizerJson.ByteLevel(addPrefixSpace: false, useRegex: false),
            ["model"] = new JsonObject { ["type"] = "RankedBPE", ["vocab"] = vocabulary },
        };
    }

    private static Encoding Find(string path, TokenizerSettings settings, List<string> warnings)
    {
        var name = Path.GetFileNameWithoutExtension(path);
        if (Encodings.TryGetValue(name, out var row) || Encodings.TryGetValue(settings.Class ?? string.Empty, out row))
        {
            return row;
        }

        warnings.Add(
            $"The file '{path}' does not say how text is split, and neither its name nor the tokenizer_class of a "
            + "'tokenizer_config.json' beside it is known; it is split as cl100k_base. Put the model's "
            + $"'tokenizer.json' beside it, or name it as one of {string.Join(", ", Encodings.Keys)}.");
        return new Encoding(PublishedPatterns.Cl100KText);
    }

    private static (string Token, int Rank) Entry(string line, int number, string path)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var bytes = new byte[line.Length];
        if (space <= 0 || !Convert.TryFromBase64Chars(line.AsSpan(0, space), bytes, out var count) || count == 0
            || !int.TryParse(line.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var rank)
            || rank > VocabularyReader.MaximumId)
        {
            throw Bad(path, number, line, "is not a token in base64 and its rank");
        }

        return (ByteAlphabet.Write(bytes.AsSpan(0, count)), rank);
    }

    private static TokenizerFormatException Bad(string path, int number, string line, string what) => new(
        $"Tokenizer '{path}': line {number}, '{Quoted.Short(line)}', {what}. Download the file again.", path);
}
