using Slipway.Testing;

namespace Slipway.Tokenization.Tests;

public sealed class PairTests
{
    [Theory]
    [InlineData(100, new[] { 101, 2833, 102, 1037, 2158, 102 }, new[] { 0, 0, 0, 1, 1, 1 })]
    [InlineData(5, new[] { 101, 2833, 102, 1037, 102 }, new[] { 0, 0, 0, 1, 1 })]
    [InlineData(3, new[] { 101, 102, 102 }, new[] { 0, 0, 1 })]
    public void Pair_OfABertTokenizer_IsJoinedAndCutOff(int max, int[] ids, int[] types)
    {
        var tokenizer = HuggingFaceTokenizer.Load(
            SharedAssets.Path("sentence-transformers", "cross-encoder", "tokenizer.json"));

        var pair = tokenizer.EncodePair("food", "A man", max);

        Assert.Equal(ids, pair.Ids);
        Assert.Equal(types, pair.Types);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.EncodePair("food", "A man", 2));
    }

    [Fact]
    public void Pair_OfATokenizerOfSingleTexts_IsOneAfterTheOther()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);

        Assert.Equal(
            [.. tokenizer.Encode("a", false), .. tokenizer.Encode("b", false)], tokenizer.EncodePair("a", "b").Ids);
    }
}
