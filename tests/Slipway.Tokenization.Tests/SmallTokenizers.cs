using System.Text;
using System.Text.Json.Nodes;
using Slipway.Tokenization.Training;

namespace Slipway.Tokenization.Tests;

/// <summary>Small tokenizer files of every kind, for tests that need no assets.</summary>
internal static class SmallTokenizers
{
    public const string WordPiece = """
        {"version": "1.0", "added_tokens": [
          {"id": 0, "content": "[UNK]", "special": true, "normalized": false},
          {"id": 1, "content": "[CLS]", "special": true, "normalized": false},
          {"id": 2, "content": "[SEP]", "special": true, "normalized": false}],
         "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
           "strip_accents": null, "lowercase": true},
         "pre_tokenizer": {"type": "BertPreTokenizer"},
         "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
         "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
         "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
           "max_input_chars_per_word": 8,
           "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##a": 4, "ab": 5, "##b": 6, ".": 7, "é": 8, "e": 9}}}
        """;

    public const string Unigram = """
        {"version": "1.0", "added_tokens": [{"id": 0, "content": "<unk>", "special": true, "normalized": false}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"},
           {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
         "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
         "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}],
           "pair": [], "special_tokens": {}},
         "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
         "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false,
           "vocab": [["<unk>", 0.0], ["▁", -2.0], ["a", -1.5], ["b", -3.0], ["ab", -2.5], ["▁a", -2.2], ["abb", -9.0]]}}
        """;

    /// <summary>A SentencePiece-like BPE with bytes, as Llama 2's.</summary>
    public static string ByteFallback { get; } = MakeByteFallback();

    /// <summary>What <see cref="BpeTrainer"/> writes.</summary>
    public static string ByteLevel { get; } = Encoding.UTF8.GetString(new BpeTrainer(
        new BpeTrainerOptions { VocabularySize = 300, SpecialTokens = ["<s>", "<s>>"], AddedTokens = ["<tool>"] })
        .Train(["the cat and the hat and the bat", "ein Bär, größer als der Hut", "日本語 日本語", "12 34 12 34"]));

    public static HuggingFaceTokenizer Parse(string json) =>
        HuggingFaceTokenizer.Parse(Encoding.UTF8.GetBytes(json), "small.json");

    private static string MakeByteFallback()
    {
        JsonObject vocabulary = new() { ["<unk>"] = 0, ["<s>"] = 1 };
        for (var value = 0; value < 256; value++)
        {
            vocabulary[$"<0x{value:X2}>"] = 2 + value;
        }

        foreach (var token in (string[])["▁", "a", "b", "ab", "▁a", "é"])
        {
            vocabulary[token] = vocabulary.Count;
        }

        return $$$"""
            {"version": "1.0", "added_tokens": [
              {"id": 0, "content": "<unk>", "special": true, "normalized": false},
              {"id": 1, "content": "<s>", "special": true, "normalized": false}],
             "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
               {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
             "pre_tokenizer": null, "post_processor": null,
             "decoder": {"type": "Sequence", "decoders": [
               {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
               {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
             "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
               "vocab": {{{vocabulary.ToJsonString()}}}, "merges": ["a b", "▁ a"]}}
            """;
    }
}
