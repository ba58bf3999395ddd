using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Testing;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.Models;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Tests.Models;

/// <summary>Text that is cut where no merge joins its characters has the tokens of the whole.</summary>
public sealed class MergeBoundarySplitterTests
{
    private const string Letters = "abcd▁é日";

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Split_RandomVocabularyAndText_LeavesTheTokens(bool byteFallback, bool fuseUnknown)
    {
        Random random = new(byteFallback ? 1 : 2);
        var cuts = 0;
        for (var round = 0; round < 400; round++)
        {
            using var document = JsonDocument.Parse(RandomModel(random, byteFallback, fuseUnknown));
            var model = BpeModel.Parse(new Section(document.RootElement, "model", "t.json"));
            var splitter = Assert.IsType<MergeBoundarySplitter>(model.Splitter);
            for (var i = 0; i < 20; i++)
            {
                var text = "a" + string.Concat(Enumerable.Range(0, random.Next(60)).Select(
                    _ => random.Next(8) == 0 ? RandomTexts.Next(random, 3) : $"{Letters[random.Next(7)]}"));
                cuts += AssertEqual(model, splitter, text);
            }
        }

        Assert.NotEqual(0, cuts);
    }

    [Fact]
    public void Split_Llama2_LeavesTheTokensOfWholeTexts()
    {
        using var document = JsonDocument.Parse(
            File.ReadAllBytes(SharedAssets.Path("tokenizers", "llama2", "tokenizer.json")));
        var model = BpeModel.Parse(new Section(document.RootElement.GetProperty("model"), "model", "t.json"));
        var text = File.ReadAllText(SharedAssets.Path("wikitext-2", "test.txt"))[..40_000].Replace(' ', '▁');
        Random random = new(3);
        Assert.NotEqual(0, AssertEqual(model, model.Splitter!, text));
        for (var i = 0; i < 200; i++)
        {
            AssertEqual(model, model.Splitter!, "x" + RandomTexts.Next(random, 100).Replace(' ', '▁'));
        }
    }

    [Theory]
    [InlineData("\"ignore_merges\": true")]
    [InlineData("\"continuing_subword_prefix\": \"##\"")]
    [InlineData("\"end_of_word_suffix\": \"</w>\"")]
    public void Splitter_WhereAPieceMattersAsAWhole_IsNone(string setting)
    {
        using var document = JsonDocument.Parse(
            $$"""{"type": "BPE", {{setting}}, "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": []}""");

        Assert.Null(BpeModel.Parse(new Section(document.RootElement, "model", "t.json")).Splitter);
    }

    [Fact]
    public void Splitter_MergeOfATokenThatStandsForAByte_IsNone()
    {
        using var document = JsonDocument.Parse(
            """
            {"type": "BPE", "byte_fallback": true, "vocab": {"<0x0A>": 0, "b": 1, "<0x0A>b": 2},
             "merges": [["<0x0A>", "b"]]}
            """);

        Assert.Null(BpeModel.Parse(new Section(document.RootElement, "model", "t.json")).Splitter);
    }

    private static int AssertEqual(TokenModel model, TextSplitter splitter, string text)
    {
        List<int> whole = [], parts = [];
        List<Piece> pieces = [];
        model.Encode(text, whole);
        splitter.Split(new Piece(text, 0, text.Length, 0), pieces);
        foreach (var piece in pieces)
        {
            model.Encode(piece.Text, parts);
        }

        Assert.Equal(text.Length, pieces.Sum(piece => piece.Length));
        Assert.Equal(whole, parts);
        return pieces.Count - 1;
    }

    private static string RandomModel(Random random, bool byteFallback, bool fuseUnknown)
    {
        JsonObject vocabulary = new() { ["<unk>"] = 0 };
        for (var value = 0; value < 256; value++)
        {
            vocabulary[$"<0x{value:X2}>"] = vocabulary.Count;
        }

        List<string> tokens = [.. Letters.Where(_ => random.Next(8) > 0).Append('a').Distinct().Select(c => $"{c}")];
        tokens.ForEach(token => vocabulary[token] = vocabulary.Count);
        JsonArray merges = [];
        for (var i = random.Next(12); i > 0; i--)
        {
            string left = tokens[random.Next(tokens.Count)], right = tokens[random.Next(tokens.Count)];
            if (!vocabulary.ContainsKey(left + right))
            {
                vocabulary[left + right] = vocabulary.Count;
                tokens.Add(left + right);
                merges.Add(new JsonArray(left, right));
            }
        }

        return new JsonObject
        {
            ["type"] = "BPE", ["unk_token"] = "<unk>", ["byte_fallback"] = byteFallback, ["fuse_unk"] = fuseUnknown,
            ["vocab"] = vocabulary, ["merges"] = merges,
        }.ToJsonString();
    }
}
