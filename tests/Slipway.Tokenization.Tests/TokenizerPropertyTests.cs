using System.Text;
using Slipway.Testing;

namespace Slipway.Tokenization.Tests;

/// <summary>Laws that hold for every text and every row of ids.</summary>
public sealed class TokenizerPropertyTests
{
    private const int Rounds = 2000;

    public static TheoryData<string> Files =>
        [SmallTokenizers.ByteLevel, SmallTokenizers.ByteFallback, SmallTokenizers.WordPiece, SmallTokenizers.Unigram];

    [Fact]
    public void Decode_OfEncode_IsTheText()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);
        Random random = new(1);
        for (var i = 0; i < Rounds; i++)
        {
            var text = RandomTexts.Next(random);
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, true), false));
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void StreamDecoder_RandomIds_GivesTheWholeText(string json)
    {
        var tokenizer = SmallTokenizers.Parse(json);
        Random random = new(2);
        for (var i = 0; i < Rounds; i++)
        {
            int[] ids = [
                .. Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(-1, tokenizer.VocabularySize + 1))];
            var skip = random.Next(2) == 0;
            var stream = tokenizer.CreateStreamDecoder(skip);
            string[] parts = [.. ids.Select(stream.Append), stream.Flush()];

            Assert.Equal(tokenizer.Decode(ids, skip), string.Concat(parts));
            Assert.All(
                parts, part => Assert.False(part.Length > 0 && char.IsHighSurrogate(part[^1]), "half a character"));
        }
    }

    [Fact]
    public void Decode_RandomBytes_IsWhatUtf8MakesOfThem()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);
        Random random = new(3);
        for (var i = 0; i < Rounds; i++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(3, tokenizer.VocabularySize))];
            byte[] bytes = [.. ids.SelectMany(id => tokenizer.TokenBytes(id).ToArray())];

            Assert.Equal(Encoding.UTF8.GetString(bytes), tokenizer.Decode(ids, false));
        }
    }

    [Fact]
    public void EncodeToTokens_RandomText_OffsetsCoverTheTextInOrder()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);
        Random random = new(4);
        for (var i = 0; i < Rounds; i++)
        {
            var text = RandomTexts.Next(random);
            var at = 0;
            foreach (var token in tokenizer.EncodeToTokens(text, out _))
            {
                Assert.InRange(token.Offset.Start.Value, 0, at);
                at = Math.Max(at, token.Offset.End.Value);
            }

            Assert.Equal(text.Length, at);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void EncodeToTokens_AnyKind_HasTheSameIdsAndPlacesInOrder(string json)
    {
        var tokenizer = SmallTokenizers.Parse(json);
        Random random = new(10);
        for (var i = 0; i < Rounds; i++)
        {
            var text = RandomTexts.Next(random);
            var tokens = tokenizer.EncodeToTokens(text, out var normalized);
            Assert.Equal(tokenizer.Encode(text, false), tokens.Select(token => token.Id));
            var (start, end, length) = (0, 0, (normalized ?? text).Length);
            foreach (var token in tokens)
            {
                var (from, to) = (token.Offset.Start.Value, token.Offset.End.Value);
                Assert.InRange(from, start, length);
                Assert.InRange(to, Math.Max(end, from), length);
                (start, end) = (from, to);
            }
        }
    }

    [Fact]
    public void EncodeToTokens_LongPiece_IsNotQuadratic()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);

        var tokens = tokenizer.EncodeToTokens(new string('a', 500_000), out _);

        Assert.Equal(500_000, tokens[^1].Offset.End.Value);
    }

    [Theory]
    [InlineData("spm-bpe-bytefallback")]
    [InlineData("spm-unigram")]
    public void StreamDecoder_RandomIdsOfSentencePiece_GivesTheWholeText(string folder)
    {
        var tokenizer = HuggingFaceTokenizer.Load(SharedAssets.Path("tokenizers", folder));
        Random random = new(11);
        for (var i = 0; i < Rounds; i++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(20)).Select(
                _ => random.Next(random.Next(2) == 0 ? 260 : tokenizer.VocabularySize))];
            var stream = tokenizer.CreateStreamDecoder(skipSpecialTokens: true);
            var streamed = string.Concat(ids.Select(stream.Append)) + stream.Flush();

            Assert.Equal(tokenizer.Decode(ids, skipSpecialTokens: true), streamed);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Encode_ManyWordsOnManyThreads_GivesWhatEachWordGivesFirst(string json)
    {
        var tokenizer = SmallTokenizers.Parse(json);
        Random random = new(7);
        string[] words = [
            .. Enumerable.Range(0, 60_000).Select(_ => new string([.. Enumerable.Range(0, random.Next(1, 6))
                .Select(_ => "abcdé "[random.Next(6)])]))];
        int[][] first = [.. words.Take(300).Select(word => SmallTokenizers.Parse(json).Encode(word, false))];

        Parallel.ForEach(words, word => tokenizer.Encode(word, false));

        Assert.All(words.Take(300).Zip(first), pair => Assert.Equal(pair.Second, tokenizer.Encode(pair.First, false)));
    }
}
