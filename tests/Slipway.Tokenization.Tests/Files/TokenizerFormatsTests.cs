using System.Text;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Tokenization.Tests.Files;

/// <summary>The same tokenizer in other forms gives the same tokens.</summary>
public sealed class TokenizerFormatsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_WordPieceVocabulary_GivesTheReferenceIds()
    {
        var source = SharedAssets.Path("tokenizers", "minilm-wordpiece");
        var tokens = Vocabulary(Model(source)).OrderBy(pair => pair.Value).Select(pair => pair.Key);
        File.WriteAllText(_folder["vocab.txt"], string.Join('\n', tokens) + "\n");

        ReferenceTexts.AssertEqual(HuggingFaceTokenizer.Load(_folder.Path), Path.Combine(source, "expected.json"));
        ReferenceTexts.AssertEqual(
            HuggingFaceTokenizer.Load(_folder["vocab.txt"]), Path.Combine(source, "expected.json"));
    }

    [Theory]
    [InlineData("vocab.json")]
    [InlineData("merges.txt")]
    [InlineData(".")]
    public void Load_VocabularyAndMerges_GivesTheReferenceIds(string named)
    {
        var source = SharedAssets.Path("tokenizers", "qwen3");
        var model = Model(source);
        File.WriteAllText(_folder["vocab.json"], model["vocab"]!.ToJsonString());
        File.WriteAllText(_folder["merges.txt"], "#version: 0.2\n" + string.Join('\n', model["merges"]!.AsArray()
            .Select(merge => merge is JsonArray pair ? $"{pair[0]} {pair[1]}" : (string)merge!)) + "\n");
        Copy(source, "tokenizer_config.json");

        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(_folder.Path, named));

        Assert.Empty(tokenizer.Warnings);
        ReferenceTexts.AssertEqual(tokenizer, Path.Combine(source, "expected.json"));
    }

    [Theory]
    [InlineData("tokenizer.model")]
    [InlineData("some.tiktoken")]
    public void Load_RanksOfTiktoken_GivesTheReferenceIds(string name)
    {
        var source = SharedAssets.Path("tokenizers", "qwen3");
        File.WriteAllLines(_folder[name], Vocabulary(Model(source)).OrderBy(pair => pair.Value)
            .Select(pair => $"{Convert.ToBase64String(ByteAlphabet.Decode(pair.Key))} {pair.Value}"));
        Copy(source, "tokenizer_config.json");

        var tokenizer = HuggingFaceTokenizer.Load(_folder.Path);

        Assert.Empty(tokenizer.Warnings);
        ReferenceTexts.AssertEqual(tokenizer, Path.Combine(source, "expected.json"));
        var wiki = File.ReadAllText(SharedAssets.Path("wikitext-2", "test.txt"))[..100_000];
        Assert.Equal(HuggingFaceTokenizer.Load(source).Encode(wiki, false), tokenizer.Encode(wiki, false));
    }

    [Theory]
    [InlineData("""{"add_bos_token": true}""", true, false)]
    [InlineData("""{"tokenizer_class": "LlamaTokenizerFast"}""", true, false)]
    [InlineData("""{"tokenizer_class": "LlamaTokenizer", "add_bos_token": false, "add_eos_token": true}""", false, true)]
    [InlineData("{}", false, false)]
    public void Load_SentencePieceWithSettings_SurroundsTextsAsTheySay(string settings, bool begins, bool ends)
    {
        Copy(SharedAssets.Path("tokenizers", "spm-bpe-bytefallback"), "tokenizer.model");
        File.WriteAllText(_folder["tokenizer_config.json"], settings);
        var tokenizer = HuggingFaceTokenizer.Load(_folder.Path);
        int first = tokenizer.TokenToId("<s>")!.Value, last = tokenizer.TokenToId("</s>")!.Value;

        Assert.Equal(
            [.. begins ? [first] : Array.Empty<int>(), .. tokenizer.Encode("a b", false),
                .. ends ? [last] : Array.Empty<int>()],
            tokenizer.Encode("a b", true));
    }

    [Fact]
    public void Load_FilesThatDoNotSayHowTextIsSplit_WarnsOfIt()
    {
        File.WriteAllText(_folder["vocab.json"], """{"a": 0, "b": 1, "ab": 2}""");
        File.WriteAllText(_folder["merges.txt"], "a b\r\n\r\n");

        var tokenizer = HuggingFaceTokenizer.Load(_folder.Path);

        Assert.Equal([2, 0], tokenizer.Encode("aba", false));
        Assert.Equal(
            $"The files 'vocab.json' and 'merges.txt' of '{_folder.Path}' do not say how text is split, and no "
            + "'tokenizer_config.json' names a tokenizer_class; it is split as GPT2Tokenizer does. Put the model's "
            + "'tokenizer.json' beside them, or name one of GPT2Tokenizer, CodeGenTokenizer, GPTNeoXTokenizer, "
            + "Qwen2Tokenizer, RobertaTokenizer, LongformerTokenizer, BartTokenizer, LEDTokenizer.",
            Assert.Single(tokenizer.Warnings));
        File.WriteAllBytes(_folder["x.tiktoken"], Encoding.UTF8.GetBytes(Ranks()));
        Assert.Contains(
            "it is split as cl100k_base",
            Assert.Single(HuggingFaceTokenizer.Load(_folder["x.tiktoken"]).Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x.tiktoken", "!!! 3\n", "line 1, '!!! 3', is not a token in base64 and its rank")]
    [InlineData("x.tiktoken", "YQ==\n", "line 1, 'YQ==', is not a token in base64 and its rank")]
    [InlineData("x.tiktoken", "YQ== -1\n", "line 1, 'YQ== -1', is not a token")]
    [InlineData("x.tiktoken", "YQ== 99999999\n", "line 1, 'YQ== 99999999', is not a token")]
    [InlineData("x.tiktoken", "YQ== 0\nYQ== 1\n", "line 2, 'YQ== 1', has a token that an earlier line has")]
    [InlineData("x.tiktoken", "YQ== 0\n", "lacks the byte 0x00")]
    [InlineData("x.tiktoken", "", "lacks the byte 0x00")]
    [InlineData("vocab.txt", "a\nb\n", "'model.unk_token' is '[UNK]', which the vocabulary lacks")]
    [InlineData("vocab.txt", "\xFF\xFE", "is not UTF-8")]
    [InlineData("vocab.txt", "", "'[UNK]'")]
    public void Load_DamagedFile_SaysWhere(string name, string content, string expected)
    {
        File.WriteAllBytes(_folder[name], Encoding.Latin1.GetBytes(content));

        var exception = Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Load(_folder[name]));

        Assert.StartsWith($"Tokenizer '{_folder[name]}'", exception.Message, StringComparison.Ordinal);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"tokenizer_class": 3}""", "'tokenizer_class' is '3'")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": []}""", "'added_tokens_decoder' is '[]'")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"x": {}}}""", "has no id for its key")]
    [InlineData("tokenizer_config.json", "{", "is not valid JSON")]
    [InlineData("special_tokens_map.json", """{"bos_token": {}}""", "'bos_token.content' is missing")]
    public void Load_DamagedSettings_SaysWhere(string name, string content, string expected)
    {
        File.WriteAllText(_folder["vocab.txt"], "[UNK]\na\n");
        File.WriteAllText(_folder[name], content);

        var exception = Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Load(_folder.Path));

        Assert.Equal(_folder[name], exception.Path);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_MutatedRanks_WorksOrSaysWhere()
    {
        var original = Encoding.UTF8.GetBytes(Ranks());
        Random random = new(8);
        var refused = 0;
        for (var i = 0; i < 300; i++)
        {
            byte[] mutated = [.. original];
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_folder["qwen.tiktoken"], mutated);
            try
            {
                var tokenizer = HuggingFaceTokenizer.Load(_folder.Path);
                tokenizer.Decode(tokenizer.Encode("a b 日本 <s>", true), false);
            }
            catch (TokenizerFormatException exception)
            {
                refused++;
                Assert.Equal(_folder["qwen.tiktoken"], exception.Path);
            }
        }

        Assert.InRange(refused, 1, 300);
    }

    [Fact]
    public void Load_FolderWithoutATokenizer_NamesTheFilesThatItWouldTake()
    {
        File.WriteAllText(_folder["merges.txt"], "a b");

        var exception = Assert.Throws<FileNotFoundException>(() => HuggingFaceTokenizer.Load(_folder.Path));

        Assert.False(HuggingFaceTokenizer.Exists(_folder.Path));
        Assert.Equal(
            $"'{_folder.Path}' holds no tokenizer; expected one of 'tokenizer.json', 'tekken.json', "
            + "'tokenizer.model', 'spiece.model', 'sentencepiece.bpe.model', 'tiktoken.model', '*.tiktoken', "
            + "'merges.txt', 'vocab.txt'.",
            exception.Message);
    }

    private static string Ranks() => string.Concat(Enumerable.Range(0, 256).Select(
        value => $"{Convert.ToBase64String([(byte)value])} {value}\n")) + "YWI= 256\nYWJh 257\n";

    private static JsonNode Model(string folder) =>
        JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")))!["model"]!;

    private static Dictionary<string, int> Vocabulary(JsonNode model) =>
        model["vocab"]!.AsObject().ToDictionary(pair => pair.Key, pair => (int)pair.Value!);

    private void Copy(string source, string name) =>
        File.WriteAllBytes(_folder[name], File.ReadAllBytes(Path.Combine(source, name)));
}
