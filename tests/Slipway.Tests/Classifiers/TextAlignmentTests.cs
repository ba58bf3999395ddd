using Microsoft.ML.Tokenizers;
using Slipway.Classifiers;
using Slipway.Testing;
using Slipway.Tokenization;

namespace Slipway.Tests.Classifiers;

public sealed class TextAlignmentTests
{
    [Theory]
    [InlineData("minilm-wordpiece", "Jürgen visited MÜNCHEN, résumé in hand.")]
    [InlineData("minilm-wordpiece", "北京 is\u0007 a\u0301 city \U0001F600 ok")]
    [InlineData("minilm-wordpiece", "  ﬁne   words\twith\u00A0space ")]
    [InlineData("llama2", "Hello  wörld, 北京 \U0001F600!")]
    [InlineData("llama2", " leading and trailing ")]
    [InlineData("spm-unigram", "Ｆｕｌｌ width words")]
    [InlineData("unigram-json", "some plain words")]
    [InlineData("qwen3", "Hello  wörld, 北京 \U0001F600!")]
    public void Original_EachToken_StandsWhereItsCharactersAre(string name, string text)
    {
        var tokenizer = HuggingFaceTokenizer.Load(SharedAssets.Path("tokenizers", name));
        var tokens = tokenizer.EncodeToTokens(text, out var normalized);
        var alignment = normalized is null ? null : new TextAlignment(text, normalized, part =>
        {
            tokenizer.EncodeToTokens(part, out var result);
            return result ?? part;
        });
        var last = 0;
        foreach (var token in tokens)
        {
            var (from, to) = (token.Offset.Start.Value, token.Offset.End.Value);
            var (start, end) = alignment?.Original(from, to) ?? (from, to);
            Assert.InRange(start, 0, end);
            Assert.InRange(end, start, text.Length);
            Assert.InRange(start, last, text.Length);

            // What stands there becomes what the token was made of, but for white space and what is put in front.
            var part = Normalize(tokenizer, text[start..end]);
            Assert.Equal(
                Bare((normalized ?? text)[from..to]), Bare(alignment is null ? text[start..end] : part));
            last = start;
        }

        // Every letter is some token's.
        Assert.True(tokens.Count > 0);
    }

    [Fact]
    public void Original_TextThatIsMadeLonger_KeepsItsPlaces()
    {
        TextAlignment alignment = new("aßc", "assc", part => part.Replace("ß", "ss", StringComparison.Ordinal));
        Assert.Equal((0, 1), alignment.Original(0, 1));
        Assert.Equal((1, 2), alignment.Original(1, 2));
        Assert.Equal((1, 2), alignment.Original(1, 3));
        Assert.Equal((2, 3), alignment.Original(3, 4));
    }

    [Fact]
    public void Original_WhatWasPutBeforeTheText_HasNoCharacterOfIt()
    {
        TextAlignment alignment = new("ab", "_ab", part => $"_{part}");
        Assert.Equal((0, 1), alignment.Original(0, 2));
        Assert.Equal((1, 2), alignment.Original(2, 3));
    }

    private static string Normalize(Tokenizer tokenizer, string part)
    {
        tokenizer.EncodeToTokens(part, out var normalized);
        return normalized ?? part;
    }

    private static string Bare(string text) => text.Replace("▁", "", StringComparison.Ordinal)
        .Replace(" ", "", StringComparison.Ordinal);
}
