using Slipway.Guidance;
using Slipway.Guidance.Gbnf;

namespace Slipway.Tests.Guidance.Gbnf;

public sealed class GbnfParserTests
{
    private const string Sums = """
        # sums of products, in brackets too
        root  ::= term (("+" | "-") term)*
        term  ::= factor ("*" factor)*

        factor ::= [0-9]+ | "(" root ")"
          | "π"
        """;

    [Theory]
    [InlineData("1", true)]
    [InlineData("12+3*(4-π)", true)]
    [InlineData("((((7))))", true)]
    [InlineData("((7)", false)]
    [InlineData("1+", false)]
    [InlineData("", false)]
    public void Grammar_WithBrackets_TakesWhatIsBalanced(string text, bool valid)
        => Assert.Equal(valid, new GrammarAutomaton(GbnfParser.Parse(Sums)).Accepts(text));

    [Theory]
    [InlineData("""root ::= [^\x00-\x1F"\\]{2,3}""", "é😀", true)]
    [InlineData("""root ::= [^\x00-\x1F"\\]{2,3}""", "a\"", false)]
    [InlineData("""root ::= "\"\u00e9\U0001F600\n" .""", "\"é😀\n\n", true)]
    [InlineData("root ::= (\n  \"a\" |\n  \"b\"\n)? \"c\"", "ac", true)]
    [InlineData("root ::= \"a\"{2} x\nx ::= \"b\"{1,}", "aabb", true)]
    [InlineData("root ::= \"a\"{2} x\nx ::= \"b\"{1,}", "aaa", false)]
    [InlineData("root ::= \"a\" | ", "", true)]
    public void Part_OfAGrammar_MeansWhatLlamaCppMeans(string grammar, string text, bool valid)
        => Assert.Equal(valid, new GrammarAutomaton(GbnfParser.Parse(grammar)).Accepts(text));

    [Theory]
    [InlineData("x ::= \"a\"",
        "The grammar has no rule 'root'. Add one, 'root ::= …', that stands for the whole answer.")]
    [InlineData("root ::= y",
    "The grammar is malformed at line 1, column 10; expected a rule that is defined; 'y' is not.")]
    [InlineData("root ::= \"a", "The grammar is malformed at line 1, column 12; expected '\"'.")]
    [InlineData("root ::= (\"a\"", "The grammar is malformed at line 1, column 14; expected ')'.")]
    [InlineData("\nroot = \"a\"", "The grammar is malformed at line 2, column 6; expected '::='.")]
    [InlineData(
        "root ::= \"a\" %",
        "The grammar is malformed at line 1, column 14; expected a line end, or something that can stand in a rule.")]
    [InlineData(
        "root ::= \"a\"\nroot ::= \"b\"",
        "The grammar is malformed at line 2, column 1; expected a rule of another name; 'root' is there already.")]
    [InlineData("root ::= [z-a]",
    "The grammar is malformed at line 1, column 14; expected a range from a character to a later one.")]
    public void Grammar_ThatIsMalformed_IsRefusedWithItsPlace(string grammar, string message)
        => Assert.Equal(message, Assert.Throws<ArgumentException>(() => GbnfParser.Parse(grammar)).Message);

    [Theory]
    [InlineData("root ::= root \"a\" | \"a\"", "root")]
    [InlineData("root ::= \"b\" x\nx ::= \"a\"? y \"c\"\ny ::= x | \"d\"", "x")]
    [InlineData("root ::= (root \"a\")*", "root")]
    public void Rule_ThatBeginsWithItself_IsRefusedByName(string grammar, string rule)
        => Assert.Equal(
            $"The grammar's rule '{rule}' begins with itself. Write it as a repetition, such as 'x ::= y (\"+\" y)*'.",
            Assert.Throws<NotSupportedException>(() => GbnfParser.Parse(grammar)).Message);

    [Fact]
    public void Rule_ThatNeverEnds_IsNotBegun()
    {
        var automaton = new GrammarAutomaton(GbnfParser.Parse("root ::= \"a\" x | \"ab\"\nx ::= \"b\" x"));

        Assert.True(automaton.Accepts("ab"));
        Assert.Null(automaton.Next(automaton.Next(automaton.Next(automaton.Start, (byte)'a')!, (byte)'b')!, (byte)'b'));
        Assert.Equal(
            "No text satisfies the grammar: each of its rules asks for another without end.",
            Assert.Throws<ArgumentException>(() => GuidanceGrammar.Gbnf("root ::= \"a\" root")).Message);
    }

    public static TheoryData<string, string> Hostile => new()
    {
        { "root ::= \"a\"{100000}", "repeats a part '100000' times at line 1, column 20; at most 2000 are supported" },
        { "root ::= " + new string('(', 9999), "has more than 100 groups in each other" },
        { "root ::= <|im_end|>", "has a token at line 1, column 10" },
        { string.Concat(Enumerable.Range(0, 6000).Select(i => $"r{i} ::= \"a\"\n")), "has 6000 rules; at most 5000" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Grammar_ThatIsTooLarge_IsRefusedSoon(string grammar, string message)
        => Assert.Contains(message, Assert.Throws<NotSupportedException>(() => GbnfParser.Parse(grammar)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Grammar_WithVeryManyReadings_IsRefusedWhereTheyComeUp()
    {
        const string Text = "root ::= ((\"a\"? \"b\"?){2000}){2000}";
        var automaton = new GrammarAutomaton(GbnfParser.Parse(Text));

        Assert.Equal(
            "After the text so far the grammar can go on in more than 32768 ways. Make it less ambiguous: use fewer "
            + "repetitions of what may be empty or may be read in several ways.",
            Assert.Throws<NotSupportedException>(() => automaton.Start).Message);
    }
}
