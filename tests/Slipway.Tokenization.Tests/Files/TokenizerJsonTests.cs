using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Tokenization.Tests.Files;

/// <summary>Rewrites tokenizers of all forms as one file, and reads Mistral's.</summary>
public sealed class TokenizerJsonTests : IDisposable
{
    private const int SpecialCount = 30;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("vocab.txt")]
    [InlineData("merges.txt")]
    [InlineData("qwen.tiktoken")]
    [InlineData("spm-bpe-bytefallback")]
    [InlineData("spm-unigram")]
    [InlineData("tekken.json")]
    public void ToJson_OfEveryForm_GivesTheSameTokenizer(string form)
    {
        Write(form);
        File.WriteAllText(
            _folder["tokenizer_config.json"],
            """
            {"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": true, "bos_token": "<s>", "added_tokens_decoder":
              {"200001": {"content": "<|more|>", "special": true}, "200002": {"content": "word", "rstrip": true}}}
            """);
        File.WriteAllText(_folder["added_tokens.json"], """{"<|last|>": 200003}""");
        var source = HuggingFaceTokenizer.Load(_folder.Path);

        var json = HuggingFaceTokenizer.ToJson(_folder.Path, out var warnings);
        var tokenizer = HuggingFaceTokenizer.Parse(json, "tokenizer.json");

        Assert.Equal(source.Warnings, warnings);
        Assert.Equal(source.VocabularySize, tokenizer.VocabularySize);
        Assert.True(tokenizer.IsSpecial(200001));
        var random = new Random(2);
        var texts = Enumerable.Range(0, 100).Select(_ => RandomTexts.Next(random, 60))
            .Append("a <|more|> word  b<|last|></s>").Append(File.ReadAllText(
                SharedAssets.Path("wikitext-2", "test.txt"))[..20_000]);
        foreach (var text in texts)
        {
            var ids = source.Encode(text, true);
            Assert.Equal(ids, tokenizer.Encode(text, true));
            Assert.Equal(source.Decode(ids, true), tokenizer.Decode(ids, true));
        }
    }

    [Fact]
    public void ToJson_OfItself_IsTheFile()
    {
        var folder = SharedAssets.Path("tokenizers", "llama2");

        Assert.Equal(
            File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")), HuggingFaceTokenizer.ToJson(folder, out _));
    }

    [Fact]
    public void Load_Tekken_GivesTheReferenceIdsBehindTheSpecialTokens()
    {
        Write("tekken.json");
        var reference = HuggingFaceTokenizer.Load(SharedAssets.Path("tokenizers", "qwen3"));
        var tokenizer = HuggingFaceTokenizer.Load(_folder.Path);
        var wiki = File.ReadAllText(SharedAssets.Path("wikitext-2", "test.txt"))[..100_000]
            .Replace("<unk>", "it", StringComparison.Ordinal);

        Assert.Empty(tokenizer.Warnings);
        Assert.Equal(reference.Encode(wiki, false).Select(id => id + SpecialCount), tokenizer.Encode(wiki, false));
        Assert.Equal(wiki, tokenizer.Decode(tokenizer.Encode(wiki, false), false));
        Assert.Equal([1, .. tokenizer.Encode("a", false)], tokenizer.Encode("a", true));
        Assert.Equal([3, SpecialCount - 1], tokenizer.Encode("[INST]<SPECIAL_29>", false));
        Assert.True(tokenizer.IsSpecial(3));
        Assert.Equal([3], HuggingFaceTokenizer.Load(_folder["tekken.json"]).Encode("[INST]", false));
    }

    [Theory]
    [InlineData("config.default_vocab_size", "20", "'config' has 30 special tokens and 20 tokens in all")]
    [InlineData("config.default_vocab_size", "90000000", "and 90000000 tokens in all")]
    [InlineData("config.default_num_special_tokens", "-1", "'config' has -1 special tokens")]
    [InlineData("config.default_num_special_tokens", "\"x\"", "'config.default_num_special_tokens' is '\"x\"'")]
    [InlineData("config.pattern", "null", "'config.pattern' is missing")]
    [InlineData("special_tokens", "[{\"rank\": 30, \"token_str\": \"a\"}]", "has the rank 30; expected one below")]
    [InlineData("special_tokens", "[{\"rank\": 1, \"token_str\": \"<SPECIAL_2>\"}]", "holds a token twice")]
    [InlineData("vocab", "[{\"rank\": 0, \"token_bytes\": \"!\"}]", "'vocab[0].token_bytes' is '!'; expected base64")]
    [InlineData("vocab", "[{\"rank\": 0, \"token_bytes\": \"YQ==\"}]", "'vocab' holds 1 of the 256 bytes")]
    [InlineData("vocab", "{}", "'vocab' is '{}'; expected a list")]
    public void Load_DamagedTekken_SaysWhere(string path, string value, string expected)
    {
        var json = SmallTekken();
        var keys = path.Split('.');
        var parent = keys.Length == 1 ? json : json[keys[0]]!.AsObject();
        parent[keys[^1]] = JsonNode.Parse(value);
        File.WriteAllText(_folder["tekken.json"], json.ToJsonString());

        var exception = Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Load(_folder.Path));

        Assert.StartsWith($"Tokenizer '{_folder["tekken.json"]}'", exception.Message, StringComparison.Ordinal);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    private static JsonObject SmallTekken() => Tekken(
        Enumerable.Range(0, 256).Select(value => ((byte[])[(byte)value], value)), ".", 256 + SpecialCount);

    private static JsonObject Tekken(
        IEnumerable<(byte[] Bytes, int Rank)> vocabulary, string pattern, int size) => new()
    {
        ["config"] = new JsonObject
        {
            ["pattern"] = pattern, ["default_vocab_size"] = size, ["default_num_special_tokens"] = SpecialCount,
            ["version"] = "v3",
        },
        ["vocab"] = new JsonArray([.. vocabulary.Select(token => new JsonObject
        {
            ["rank"] = token.Rank, ["token_bytes"] = Convert.ToBase64String(token.Bytes), ["token_str"] = null,
        })]),
    };

    private void Write(string form)
    {
        if (form.StartsWith("spm", StringComparison.Ordinal))
        {
            File.Copy(SharedAssets.Path("tokenizers", form, "tokenizer.model"), _folder["tokenizer.model"]);
            return;
        }

        var name = form == "vocab.txt" ? "minilm-wordpiece" : "qwen3";
        var json = JsonNode.Parse(File.ReadAllBytes(SharedAssets.Path("tokenizers", name, "tokenizer.json")))!;
        var vocabulary = json["model"]!["vocab"]!.AsObject().ToDictionary(pair => pair.Key, pair => (int)pair.Value!);
        var ranked = vocabulary.OrderBy(pair => pair.Value).ToList();
        switch (form)
        {
            case "vocab.txt":
                File.WriteAllText(_folder[form], string.Join('\n', ranked.Select(pair => pair.Key)) + "\n");
                break;
            case "merges.txt":
                File.WriteAllText(_folder["vocab.json"], json["model"]!["vocab"]!.ToJsonString());
                File.WriteAllText(_folder[form], string.Join('\n', json["model"]!["merges"]!.AsArray().Select(
                    merge => merge is JsonArray pair ? $"{pair[0]} {pair[1]}" : (string)merge!)) + "\n");
                break;
            case "qwen.tiktoken":
                File.WriteAllLines(_folder[form], ranked.Select(
                    pair => $"{Convert.ToBase64String(ByteAlphabet.Decode(pair.Key))} {pair.Value}"));
                break;
            default:
                var split = json["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"]!;
                File.WriteAllText(_folder[form], Tekken(
                    ranked.Select(pair => (ByteAlphabet.Decode(pair.Key), pair.Value)), (string)split!,
                    ranked.Count + SpecialCount).ToJsonString());
                break;
        }
    }
}
