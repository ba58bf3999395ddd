using System.Text;

namespace Slipway.Tokenization.Tests;

/// <summary>Files and texts that were made to do harm.</summary>
public sealed class HostileTokenizerTests
{
    private const int Mutations = 1500;

    private static readonly string[] Values =
    [
        "null", "true", "-1", "1e400", "99999999999", "2147483647", "\"\"", "[]", "{}", "[[]]", "\"\\ud800\"",
        "\"\\u0000\"",
        "\"(\"", "\"Sequence\"", "\"(a+)+$\"", "\"ByteLevel\"", "{\"type\": \"Sequence\"}", "[null]",
            "\"\\uD83D\\uDE00\"", "0.5",
    ];

    public static TheoryData<string, int> Files => new()
    {
        { SmallTokenizers.ByteLevel, 1 },
        { SmallTokenizers.ByteFallback, 2 },
        { SmallTokenizers.WordPiece, 3 },
        { SmallTokenizers.Unigram, 4 },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Parse_MutatedFile_WorksOrSaysWhere(string json, int seed)
    {
        Random random = new(seed);
        var original = Encoding.UTF8.GetBytes(json);
        var refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var mutated = Mutate(original, random);
            try
            {
                Use(HuggingFaceTokenizer.Parse(mutated, "t.json"));
            }
            catch (TokenizerFormatException exception)
            {
                refused++;
                Assert.Equal("t.json", exception.Path);
                Assert.StartsWith("Tokenizer 't.json'", exception.Message, StringComparison.Ordinal);
            }
            catch (Exception exception)
            {
                Assert.Fail(
                    $"Mutation {i} of seed {seed} threw {exception}: {Encoding.UTF8.GetString(mutated)[..400]}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Mutations} mutations, {refused} refused");
        Assert.InRange(refused, 1, Mutations - 1);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Parse_TruncatedFile_IsRefused(string json, int step)
    {
        var original = Encoding.UTF8.GetBytes(json);
        for (var length = 0; length < original.Length; length += 16 + step)
        {
            var exception = Assert.Throws<TokenizerFormatException>(
                () => HuggingFaceTokenizer.Parse(original.AsSpan(0, length), "t.json"));
            Assert.Equal("t.json", exception.Path);
        }
    }

    [Theory]
    [InlineData("\uD800")]
    [InlineData("a\uDC00b\uD83D")]
    [InlineData("\0a\0\0")]
    [InlineData("<s")]
    [InlineData("<s>><s>>>")]
    [InlineData("\uFEFF\uFFFD\u202E\u200D")]
    [InlineData("")]
    public void Encode_AwkwardText_DecodesToItsValidForm(string text)
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);

        var decoded = tokenizer.Decode(tokenizer.Encode(text, false), false);

        Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), decoded);
    }

    [Fact]
    public void Encode_AddedTokensThatContainEachOther_TakesTheLongest()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);

        Assert.Equal([1, 0], tokenizer.Encode("<s>><s>", false));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Encode_AMillionEqualLetters_Finishes(string json, int seed)
    {
        var tokenizer = SmallTokenizers.Parse(json);

        var ids = tokenizer.Encode(new string('a', 1_000_000), false);

        Assert.True(seed == 3 ? ids is [0] : ids.Length > 100_000);
    }

    [Fact]
    public void Encode_PatternThatBacktracksWithoutEnd_SaysWhich()
    {
        var tokenizer = SmallTokenizers.Parse("""
            {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
             "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a|aa|a?)+$"}, "behavior": "Isolated"}}
            """);

        var exception = Assert.Throws<TokenizerFormatException>(
            () => tokenizer.Encode(new string('a', 60) + "b", false));

        Assert.Equal(
            "Tokenizer 'small.json': the pattern '(a|aa|a?)+$' did not finish on a text of 61 characters in time. " +
            "It backtracks without end; use a file whose pattern does not.", exception.Message);
        Assert.Equal("small.json", exception.Path);
    }

    [Fact]
    public void Encode_ReplacementsThatDoubleTheTextAgainAndAgain_AreRefused()
    {
        var steps = string.Join(',', Enumerable.Repeat(
            """{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}""", 60));
        var tokenizer = SmallTokenizers.Parse($$"""
            {"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
             "normalizer": {"type": "Sequence", "normalizers": [{{steps}}]} }
            """);

        var exception = Assert.Throws<TokenizerFormatException>(() => tokenizer.Encode(new string('a', 1000), false));

        Assert.Equal(
            "Tokenizer 'small.json': the replacement of 'a' by 'aa' makes a text of 131072000 characters grow by more "
            + "than 67108864. Use a file whose replacements do not grow a text, or a shorter text.", exception.Message);
    }

    [Theory]
    [InlineData("Unigram", """[["TOKEN", 0]]""", "'model.vocab[0]'")]
    [InlineData("WordPiece", """{"[UNK]": 0, "TOKEN": 1}""", "'model.vocab'")]
    public void Parse_TokenOfThousandsOfCharacters_IsRefused(string type, string vocabulary, string where)
    {
        var json = $$"""{"model": {"type": "{{type}}", "vocab": {{vocabulary}} } }"""
            .Replace("TOKEN", new string('a', 1025), StringComparison.Ordinal);

        var exception = Assert.Throws<TokenizerFormatException>(() => SmallTokenizers.Parse(json));

        Assert.StartsWith(
            $"Tokenizer 'small.json': {where} holds the token 'aaa", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith("of 1025 characters; expected at most 1024.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_ManyAddedTokensOfOneBeginning_TakesTheLongestAndFinishes()
    {
        var added = string.Join(',', Enumerable.Range(0, 5000).Select(
            i => $$"""{"id": {{i + 2}}, "content": "<{{i}}>", "normalized": false}"""));
        var tokenizer = SmallTokenizers.Parse($$"""
            {"added_tokens": [{{added}}, {"id": 5002, "content": "<1><2>", "normalized": false}],
             "model": {"type": "BPE", "vocab": {"<": 0, "1": 1}, "merges": []} }
            """);

        Assert.Equal([0, 3, 5002, 0, 1], tokenizer.Encode("<<1><1><2><1", false));
        Assert.Equal(1_000_000, tokenizer.Encode(new string('<', 1_000_000), false).Length);
    }

    [Fact]
    public void Encode_MergesThatLeadBackToTheirParts_Finish()
    {
        var tokenizer = SmallTokenizers.Parse("""
            {"model": {"type": "BPE", "vocab": {"a": 0, "": 1, "aa": 2}, "merges": [["a", "a"], ["", "a"], ["aa", ""]]}}
            """);

        Assert.Equal(5000, tokenizer.Encode(new string('a', 10_000), false).Length);
    }

    private static void Use(HuggingFaceTokenizer tokenizer)
    {
        const string text = "ab a. é 日本 <s>[CLS]\0\uD800 12";
        var ids = tokenizer.Encode(text, true);
        var whole = tokenizer.Decode(ids, false);
        var stream = tokenizer.CreateStreamDecoder(false);
        Assert.Equal(whole, string.Concat(ids.Select(stream.Append)) + stream.Flush());
        Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
        _ = tokenizer.EncodeToTokens(text, out _);
        _ = tokenizer.TokenBytes(ids.FirstOrDefault());
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        byte[] copy = [.. original];
        switch (random.Next(4))
        {
            case 0:
                for (var i = random.Next(1, 4); i > 0; i--)
                {
                    copy[random.Next(copy.Length)] = (byte)random.Next(256);
                }

                return copy;
            case 1:
                int from = random.Next(copy.Length), to = Math.Min(copy.Length, from + random.Next(1, 40));
                return [.. copy[..from], .. copy[to..]];
            case 2:
                int at = random.Next(copy.Length), end = Math.Min(copy.Length, at + random.Next(1, 40));
                return [.. copy[..end], .. copy[at..]];
            default:
                return ReplaceValue(Encoding.UTF8.GetString(original), random);
        }
    }

    // Puts another value behind one of the colons or commas.
    private static byte[] ReplaceValue(string json, Random random)
    {
        var start = json.IndexOfAny([':', ','], random.Next(json.Length));
        var end = start < 0 ? -1 : json.IndexOfAny([',', '}', ']'], start + 1);
        return Encoding.UTF8.GetBytes(
            end < 0 ? json[1..] : json[..(start + 1)] + Values[random.Next(Values.Length)] + json[end..]);
    }
}
