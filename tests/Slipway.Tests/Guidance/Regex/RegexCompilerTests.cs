using System.Text;
using Slipway.Guidance;
using Slipway.Guidance.Characters;
using Slipway.Guidance.Regex;
using DotNetRegex = System.Text.RegularExpressions.Regex;

namespace Slipway.Tests.Guidance.Regex;

public sealed class RegexCompilerTests
{
    [Theory]
    [InlineData("a*b+c?")]
    [InlineData("(?:ab|a)(?:bc|c)")]
    [InlineData("a{2,3}|b{0,2}c")]
    [InlineData("(?<name>a|bc)+?")]
    [InlineData("[^ab]|[a-b]c")]
    [InlineData("(a|b)*abb")]
    [InlineData("(?:a?){3}a{3}")]
    [InlineData("^a|b$")]
    [InlineData("a(?:^b|$)c*")]
    [InlineData("")]
    [InlineData("(|a)b")]
    [InlineData("\\w\\W|\\d\\D|\\s\\S|.")]
    public void Pattern_OfEveryShortText_MatchesWhatDotNetMatches(string pattern)
    {
        var whole = RegexCompiler.Compile(pattern);
        var anywhere = RegexCompiler.Compile(pattern, anywhere: true);
        foreach (var text in Texts("abc1 ", 5))
        {
            Assert.Equal(DotNetRegex.IsMatch(text, $"\\A(?:{pattern})\\z"), whole.Contains(text));
            Assert.Equal(DotNetRegex.IsMatch(text, pattern.Replace("$", "\\z", StringComparison.Ordinal)),
                anywhere.Contains(text));
        }
    }

    [Theory]
    [InlineData("\\p{Lu}\\p{Letter}*", "Éa", true)]
    [InlineData("\\p{Lu}\\p{Letter}*", "éa", false)]
    [InlineData("\\P{N}", "٣", false)]
    [InlineData("\\u{1F600}|\\uD83D\\uDE01", "😁", true)]
    [InlineData("[😀-😂]", "😁", true)]
    [InlineData("[^a]", "😁", true)]
    [InlineData(".", "\u2028", false)]
    [InlineData("\\x41\\t\\cJ\\0\\/\\-", "A\t\n\0/-", true)]
    public void Character_OutsideAscii_IsOneCharacter(string pattern, string text, bool matches)
        => Assert.Equal(matches, RegexCompiler.Compile(pattern).Contains(text));

    [Theory]
    [InlineData("a(?=b)", "a look-ahead before position 4")]
    [InlineData("a(?!b)", "a look-ahead before position 4")]
    [InlineData("(?<=a)b", "a look-behind before position 4")]
    [InlineData("(?<!a)b", "a look-behind before position 4")]
    [InlineData("(a)\\1", "a back-reference before position 4")]
    [InlineData("\\bx", "a word boundary before position 1")]
    [InlineData("(?>a)", "an atomic group before position 3")]
    [InlineData("(?i)a", "an inline option or a condition before position 2")]
    [InlineData("a++", "a possessive quantifier before position 3")]
    [InlineData("\\p{Script=Greek}", "the property 'Script=Greek' before position 16")]
    public void Pattern_ThatNoAutomatonFollows_IsRefusedByName(string pattern, string part)
        => Assert.Equal(
            $"The regular expression '{pattern}' has {part}, which token masks cannot follow. Write it without, and "
            + "check the rest in your code.",
            Assert.Throws<NotSupportedException>(() => RegexCompiler.Compile(pattern)).Message);

    [Theory]
    [InlineData("(a", 2, "')'")]
    [InlineData("a)", 1, "a group that was opened before ')'")]
    [InlineData("[a", 2, "']'")]
    [InlineData("[b-a]", 4, "a range from a character to a later one")]
    [InlineData("*a", 0, "something to repeat, or an escape, before it")]
    [InlineData("a**", 2, "something to repeat, or an escape, before it")]
    [InlineData("a{3,2}", 6, "a count that is not below the first")]
    [InlineData("a\\", 2, "a character after '\\'")]
    [InlineData("\\xZZ", 2, "2 hexadecimal digits")]
    [InlineData("\\j", 1, "an escape that is known, which '\\j' is not")]
    public void Pattern_ThatIsMalformed_IsRefusedWithItsPlace(string pattern, int position, string expected)
        => Assert.Equal(
            $"The regular expression '{pattern}' is malformed at position {position}; expected {expected}.",
            Assert.Throws<ArgumentException>(() => RegexCompiler.Compile(pattern)).Message);

    public static TheoryData<string, string> Hostile => new()
    {
        { "(((a{1000}){1000}){1000}){1000}", "is too large once its repetitions are written out" },
        { "a{99999999999}", "repeats a part '99999999999' times; at most 10000 are supported" },
        { "(?:a|b)*a(?:a|b){40}", "The pattern needs more than 10000 states" },
        { new string('(', 5000) + new string(')', 5000), "has more than 100 groups in each other" },
        { new string('a', 10_001), "has 10001 characters; at most 10000 are supported" },
        { "(?:(?:a?){100}){100}(?:(?:a?){100}){100}", "is too large once its repetitions are written out" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Pattern_ThatIsTooLarge_IsRefusedSoon(string pattern, string message)
        => Assert.Contains(message, Assert.Throws<NotSupportedException>(() => RegexCompiler.Compile(pattern)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Languages_CombinedAtRandom_AgreeWithTheirParts()
    {
        string[] patterns = ["a*b", "(?:ab|ba)*", "[^a]c*", "a{1,3}", ".*b.*", "(?:a|b|c){2}"];
        var automata = patterns.Select(pattern => RegexCompiler.Compile(pattern)).ToArray();
        foreach (var text in Texts("abc", 4))
        {
            for (var i = 0; i < automata.Length; i++)
            {
                Assert.NotEqual(automata[i].Contains(text), automata[i].Complement().Contains(text));
                var next = automata[(i + 1) % automata.Length];
                Assert.Equal(automata[i].Contains(text)
                    && next.Contains(text), automata[i].Intersect(next).Contains(text));
            }
        }
    }

    [Theory]
    [InlineData("[é-ü😀]{2}x?", 0, null)]
    [InlineData("[a\"\\\\\\n\\u0001é]*b", 2, 4)]
    public void Element_ByteByByte_AllowsExactlyTheTextsAndNoDeadEnd(string pattern, int min, int? max)
    {
        var language = new PatternLanguage(RegexCompiler.Compile(pattern), min, max);
        var automaton = new GrammarAutomaton(PatternElement.Of(language, CharacterForm.Plain));
        var quoted = new GrammarAutomaton(PatternElement.Of(language, new JsonCharacterForm("")));
        var random = new Random(5);
        for (var i = 0; i < 200; i++)
        {
            var text = Encoding.UTF8.GetString(automaton.Draw(random)!);
            Assert.True(language.Automaton.Contains(text), text);
            Assert.InRange(text.EnumerateRunes().Count(), min, max ?? int.MaxValue);

            var json = Encoding.UTF8.GetString(quoted.Draw(random)!);
            var read = System.Text.Json.JsonDocument.Parse("\"" + json).RootElement.GetString()!;
            Assert.True(language.Automaton.Contains(read), read);
            Assert.InRange(read.EnumerateRunes().Count(), min, max ?? int.MaxValue);
        }
    }

    private static IEnumerable<string> Texts(string characters, int longest)
        => longest == 0 ? [""] : Texts(characters, longest - 1).SelectMany(
            text => text.Length == longest - 1 ? characters.Select(next => text + next).Prepend(text) : [text]);
}
