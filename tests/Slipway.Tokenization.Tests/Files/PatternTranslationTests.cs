using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Tests.Files;

/// <summary>
/// Patterns cut as Oniguruma cuts, in as many parts as Hugging Face's tokenizers give through Tokenizers.DotNet 1.4.1;
/// <c>sc=</c>, <c>\u{…}</c>, <c>(?P&lt;…&gt;</c> and <c>(?u)</c> are refused there and taken as Rust has them.
/// </summary>
public sealed class PatternTranslationTests
{
    [Theory]
    [InlineData(@"\p{Han}", "1一1", "1|一|1")]
    [InlineData(@"\p{Han}+", "a一\U00020000\u3400b\U0001F600", "a|一\U00020000\u3400|b\U0001F600")]
    [InlineData(@"\p{^Han}", "一a一", "一|a|一")]
    [InlineData(@"\P{Han}", "一a一", "一|a|一")]
    [InlineData(@"\p{han}", "1一1", "1|一|1")]
    [InlineData(@"[\p{Hiragana}\p{Katakana}]+", "xあアy", "x|あア|y")]
    [InlineData(@"\p{Script=Greek}+", "aαβb", "a|αβ|b")]
    [InlineData(@"\p{Letter}", "1a1", "1|a|1")]
    [InlineData(@"\p{LC}", "1a1", "1|a|1")]
    [InlineData(@"\p{Alphabetic}+", "1aⅠ1", "1|aⅠ|1")]
    [InlineData(@"\p{Emoji}", "a\U0001F600b", "a|\U0001F600|b")]
    [InlineData(@"\p{Any}", "a", "a")]
    [InlineData(@"\p{N}{1,3}+", "1234567", "1234567")]
    [InlineData("a++a", "aaa", "aaa")]
    [InlineData("(?>a+)a|b", "aab", "aa|b")]
    [InlineData(" ?+a|b*+c|(?:de)++", "ababcdede", "a|b|a|bc|dede")]
    [InlineData("^a", "b\na", "b\n|a")]
    [InlineData("a$", "a\nb", "a|\nb")]
    [InlineData("(?m)a.b", "xa\nb", "x|a\nb")]
    [InlineData("(?m:a.)b", "xa\nb", "x|a\nb")]
    [InlineData("(?i-m:a)", "xAy", "x|A|y")]
    [InlineData("a.b", "xa\nb", "xa\nb")]
    [InlineData(@"\x{200C}", "a\u200Cb", "a|\u200C|b")]
    [InlineData(@"[\x{200C}\u{200D}]+", "a\u200C\u200Db", "a|\u200C\u200D|b")]
    [InlineData(@"\h", "xfz", "x|f|z")]
    [InlineData(@"\R", "x\r\nz", "x|\r\n|z")]
    [InlineData(@"\N+", "a\nb", "a|\n|b")]
    [InlineData(@"\O+", "a\nb", "a\nb")]
    [InlineData("a{,2}b", "aaab", "a|aab")]
    [InlineData("[a-z&&[^aeiou]]", "abe", "a|b|e")]
    [InlineData("[a[bc]]+", "xbay", "x|ba|y")]
    [InlineData("[^a[^b]]", "ab", "a|b")]
    [InlineData("[]a]", "x]y", "x|]|y")]
    [InlineData("[[:alpha:]]+[[:digit:][:punct:]]", "-ab1-", "-|ab1|-")]
    [InlineData("[^(\\s|[.,!?…。，、।۔،])]+", "a (b).", "a| (|b|).")]
    [InlineData(@"\w+", "é\u0903ⅠⒶ_-x", "é\u0903ⅠⒶ_|-|x")]
    [InlineData(@"[\W]+", "a\u0903-x", "a\u0903|-|x")]
    [InlineData("(?<n>a)", "xay", "x|a|y")]
    [InlineData("(?P<n>a)(?u:b)(?u)", "xab", "x|ab")]
    [InlineData(@"[a\-c]|\[[^\]]\]", "a-b[x]", "a|-|b|[x]")]
    public void Split_Pattern_CutsAsOniguruma(string pattern, string text, string expected) =>
        Assert.Equal(expected.Split('|'), Split(pattern, text));

    [Fact]
    public void Split_KimisPattern_SeparatesHanFromOtherLetters() => Assert.Equal(
        ["Hello", "世界", "日本\U00020000", "かな", " x", "'s"],
        Split(PublishedPatterns.KimiText, "Hello世界").Concat(Split(PublishedPatterns.KimiText, "日本\U00020000かな"))
            .Concat(Split(PublishedPatterns.KimiText, " x")).Concat(Split(PublishedPatterns.KimiText, "'s")));

    [Theory]
    [InlineData(@"\p{Klingon}", "holds a pattern with the property 'Klingon', which is not known")]
    [InlineData(@"[\p{}]", "holds a pattern with the property '', which is not known")]
    [InlineData("[a", "is not a valid regular expression")]
    [InlineData("[a[", "is not a valid regular expression")]
    [InlineData("(", "is not a valid regular expression")]
    [InlineData("a**+)", "is not a valid regular expression")]
    [InlineData(@"\X", "is not a valid regular expression")]
    [InlineData("\\", "is not a valid regular expression")]
    public void Split_PatternThatIsNone_IsRefused(string pattern, string expected) => Assert.Contains(
        expected, Assert.Throws<TokenizerFormatException>(() => Split(pattern, "a")).Message, StringComparison.Ordinal);

    [Fact]
    public void Split_PatternsOfRandomParts_NeverFailOtherwise()
    {
        string[] parts =
        [
            "a", "[", "]", "^", "&&", "(", "(?", ")", "(?i:", "(?m)", "\\", "\\p{Han}", "\\p{", "+", "*", "?", "{1,3}",
            "{,2}", "-", "|", "[:alpha:]", "\\x{41}", "\\u{110000}", "\\w", "\uD83D", "#", ".", "$", "{", "}",
        ];
        Random random = new(9);
        var refused = 0;
        for (var i = 0; i < 3000; i++)
        {
            var pattern = string.Concat(
                Enumerable.Range(0, random.Next(1, 9)).Select(_ => parts[random.Next(parts.Length)]));
            try
            {
                Assert.Equal("ab 一\n", string.Concat(Split(pattern, "ab 一\n")));
            }
            catch (TokenizerFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, 2999);
    }

    private static string[] Split(string pattern, string text)
    {
        var json = new JsonObject
        {
            ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated",
        };
        using var document = JsonDocument.Parse(JsonSerializer.Serialize(json));
        List<Piece> pieces = [];
        TextSplitter.Parse(new Tokenization.Files.Section(document.RootElement, "pre_tokenizer", "t.json"))
            .Split(new Piece(text, 0, text.Length, 0), pieces);
        return [.. pieces.Select(piece => piece.Text.ToString())];
    }
}
