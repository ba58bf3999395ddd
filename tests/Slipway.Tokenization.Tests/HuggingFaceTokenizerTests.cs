using Slipway.Testing;

namespace Slipway.Tokenization.Tests;

public sealed class HuggingFaceTokenizerTests
{
    [Theory]
    [InlineData("smollm2-135m-instruct", "tokenizer-expected.json")]
    [InlineData("tokenizers/llama2", "expected.json")]
    [InlineData("tokenizers/qwen3", "expected.json")]
    [InlineData("tokenizers/minilm-wordpiece", "expected.json")]
    [InlineData("tokenizers/unigram-json", "expected.json")]
    public void Encode_ReferenceTexts_GivesTheReferenceIdsAndText(string folder, string expected)
    {
        var root = SharedAssets.Path(folder.Split('/'));
        ReferenceTexts.AssertEqual(HuggingFaceTokenizer.Load(root), Path.Combine(root, expected));
    }

    [Fact]
    public void Encode_AMillionEqualLetters_IsNotQuadratic()
    {
        var tokenizer = HuggingFaceTokenizer.Load(SharedAssets.Path("smollm2-135m-instruct"));

        var ids = tokenizer.Encode(new string('a', 1_000_000), false);

        Assert.Equal(1_000_000, tokenizer.Decode(ids, false).Length);
    }

    [Fact]
    public void Parse_MergeOfAMissingToken_NamesIt()
    {
        var exception = Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Parse(
            """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}"""u8, "t.json"));

        Assert.Equal(
            "Tokenizer 't.json': 'model.merges[0]' merges 'a' and 'b', but the vocabulary lacks 'ab'.",
            exception.Message);
    }

    [Theory]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}""", "'model.vocab.a' is '-1'")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 9000000}, "merges": []}}""",
        "'model.vocab.a' is '9000000'")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}}""",
    "gives the id 0 to both 'a' and 'b'")]
    [InlineData("""{"model": {"type": "Magic"}}""", "names the model 'Magic', which is not supported")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "normalizer": {"type": "X"}}""", "names the normalizer 'X'")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "pre_tokenizer": {"type": "X"}}""",
        "names the pre-tokenizer 'X'")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "decoder": {"type": "X"}}""", "names the decoder 'X'")]
    [InlineData("""{"model": {"vocab": {}}}""", "'model.merges' is missing; expected a list")]
    [InlineData("[]", "expected an object")]
    [InlineData("{", "is not valid JSON")]
    public void Parse_DamagedFile_SaysWhereAndWhat(string json, string expected)
    {
        var exception = Assert.Throws<TokenizerFormatException>(() =>
            HuggingFaceTokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(json), "t.json"));

        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.StartsWith("Tokenizer 't.json'", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"K": "x"}, "merges": []}}""")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"K": 0, "b": 0}, "merges": []}}""")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["K b"]}}""")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "K"}}""")]
    [InlineData("""{"model": {"type": "K"}}""")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "normalizer": {"type": "Replace", "pattern": {"Regex": "(K"}, "content": ""}}""")]
    [InlineData("""{"model": {"type": "Unigram", "vocab": [["K", 0], ["K", 0]]}}""")]
    public void Parse_ErrorAboutALongValue_QuotesItsBeginning(string json)
    {
        var exception = Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Parse(
            System.Text.Encoding.UTF8.GetBytes(json.Replace("K", new string('k', 16_000), StringComparison.Ordinal)),
            "t.json"));
        Assert.InRange(exception.Message.Length, 20, 600);
    }

    [Fact]
    public void Load_AddedTokensBeside_AreRecognisedAndSpecialWhereTheMapSaysSo()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["tokenizer.json"], SmallTokenizers.ByteLevel);
        File.WriteAllText(folder["added_tokens.json"], """{"<|im_end|>": 700, "<extra>": 701, "<s>": 5}""");
        File.WriteAllText(
            folder["special_tokens_map.json"], """{"eos_token": {"content": "<|im_end|>"}, "x": ["<other>"]}""");
        var tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        Assert.Equal([700, 701], tokenizer.Encode("<|im_end|><extra>", false));
        Assert.Equal((true, false), (tokenizer.IsSpecial(700), tokenizer.IsSpecial(701)));
        Assert.Equal("<extra>", tokenizer.Decode([700, 701], skipSpecialTokens: true));
        Assert.Equal(HuggingFaceTokenizer.Parse(
            System.Text.Encoding.UTF8.GetBytes(SmallTokenizers.ByteLevel), "t")
            .TokenToId("<s>"), tokenizer.TokenToId("<s>"));
    }

    [Theory]
    [InlineData("added_tokens.json", "[]")]
    [InlineData("added_tokens.json", "{")]
    [InlineData("added_tokens.json", """{"a": null}""")]
    [InlineData("added_tokens.json", """{"a": -1}""")]
    [InlineData("added_tokens.json", """{"a": 700, "a": 701}""")]
    [InlineData("special_tokens_map.json", """{"a": "\ud800"}""")]
    [InlineData("special_tokens_map.json", "")]
    public void Load_DamagedFileBeside_IsNamed(string name, string content)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["tokenizer.json"], SmallTokenizers.ByteLevel);
        File.WriteAllText(folder["added_tokens.json"], "{}");
        File.WriteAllText(folder[name], content);
        Assert.Equal(
            folder[name], Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Load(folder.Path)).Path);
    }

    [Theory]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "added_tokens": [null]}""", "'added_tokens[0]' is missing")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "added_tokens": [{"id": 0, "content": null}]}""",
        "'added_tokens[0].content'")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": [null]}}""", "'model.merges[0]' is missing")]
    [InlineData("""{"model": {"type": "Unigram", "vocab": [null]}}""", "'model.vocab[0]' is missing")]
    [InlineData("""{"model": {"vocab": {"a": 0, "a": 0}, "merges": []}}""", "holds the token 'a' twice")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "decoder": {"type": "Sequence", "decoders": [null]}}""",
        "'decoder.decoders[0]'")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "normalizer": {"type": "Sequence", "normalizers": [[]]}}""",
    "'normalizer.normalizers[0]'")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}, "post_processor": {"type": "TemplateProcessing", "single": [3]}}""", "'post_processor.single[0]'")]
    [InlineData("""{"model": 3}""", "'model' is '3'")]
    public void Parse_EntryOfTheWrongKind_SaysWhere(string json, string expected) => Assert.Contains(
        expected, Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Parse(
            System.Text.Encoding.UTF8.GetBytes(json), "t.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void Parse_DeepNesting_IsRefused()
        => Assert.Throws<TokenizerFormatException>(() => HuggingFaceTokenizer.Parse(
        System.Text.Encoding.UTF8.GetBytes($$"""{"model": {{new string('[', 500_000)}}"""), "t.json"));
}
