using System.Text;
using Slipway.Guidance;

namespace Slipway.Tests.Guidance;

public sealed class GuidanceGrammarTests
{
    public static TheoryData<string> Kinds => [.. GuidanceKinds.All.Keys];

    private static readonly Dictionary<string, (GuidanceGrammar Grammar, string Valid, string Invalid)> Cases = new()
    {
        ["regex"] = (GuidanceGrammar.Regex("^[a-c]{2}é$"), "abé", "abe"),
        ["choice"] = (GuidanceGrammar.Choice("yes", "yesterday", "nö"), "nö", "yester"),
        ["gbnf"] = (GuidanceGrammar.Gbnf("root ::= \"a\" root \"b\" | \"\""), "aabb", "aab"),
        ["json_schema"] = (GuidanceGrammar.JsonSchema("""{"type":"integer","maximum":7}"""), "-12", "8"),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Grammar_OfEveryKind_TakesItsTextsAndNoOther(string kind)
    {
        var (grammar, valid, invalid) = Cases[kind];
        var automaton = new GrammarAutomaton(grammar.Element);

        Assert.Equal(kind, grammar.Kind);
        Assert.True(automaton.Accepts(valid));
        Assert.False(automaton.Accepts(invalid));
    }

    [Fact]
    public void Grammar_OfTheSameSource_IsEqual()
    {
        Assert.Equal(GuidanceGrammar.Regex("a"), GuidanceGrammar.Regex("a"));
        Assert.Equal(GuidanceGrammar.Choice("a", "b").GetHashCode(), GuidanceGrammar.Choice("a", "b").GetHashCode());
        Assert.NotEqual(GuidanceGrammar.Choice("a", "b"), GuidanceGrammar.Choice("a, b"));
        Assert.NotEqual(GuidanceGrammar.Regex("[1]"), GuidanceGrammar.JsonSchema("true"));
    }

    [Fact]
    public void Choice_WithoutATextOrWithAnEmptyOne_IsRefused()
    {
        Assert.StartsWith(
            "There is no choice for the answer. Give at least one text.",
            Assert.Throws<ArgumentException>(() => GuidanceGrammar.Choice([])).Message);
        Assert.StartsWith(
            "The choice at position '1' is empty. Leave it out.",
            Assert.Throws<ArgumentException>(() => GuidanceGrammar.Choice("a", "")).Message);
    }

    [Fact]
    public void Schema_ThatIsNoJson_IsRefused()
        => Assert.StartsWith(
            "The JSON schema is no JSON: ",
            Assert.Throws<ArgumentException>(() => GuidanceGrammar.JsonSchema("{")).Message);

    [Fact]
    public void Tokens_OfSingleBytes_SpellCharactersAndNothingElse()
    {
        // As tokenizers with byte fallback have them: characters, parts of characters, and one that spans two.
        byte[][] vocabulary =
        [
            [], [0xC3], [0xA9], [0xAA], [0xF0, 0x9F], [0x98, 0x80], [0x98, 0x81], "a"u8.ToArray(), "é"u8.ToArray(),
            [0x80, (byte)'a'], [0x98], [0xA9, 0xC3],
        ];
        var table = new TokenTable(vocabulary);
        var grammar = GuidanceGrammar.Regex("[é😀a]{2}").Element;

        Assert.Equal([1, 4, 7, 8], Allowed());
        Assert.Equal([2, 11], Allowed(1));
        Assert.Equal([5, 10], Allowed(4));
        Assert.Equal([9], Allowed(4, 10));
        Assert.Equal([2], Allowed(1, 11));
        Assert.Equal([0], Allowed(1, 11, 2));
        Assert.Equal([0], Allowed(4, 10, 9));

        int[] Allowed(params int[] output)
        {
            var logits = new float[vocabulary.Length];
            new GuidanceProcessor(new(grammar), table, [0], null).Process([], output, logits);
            return [.. Enumerable.Range(0, logits.Length).Where(id => !float.IsNegativeInfinity(logits[id]))];
        }
    }

    [Fact]
    public void Bytes_ThatMustCome_AreToldUpToTheNextChoice()
    {
        var automaton = new GrammarAutomaton(GuidanceGrammar.JsonSchema(
            """{"const":{"name":"é","on":true}}""").Element);
        var state = Encoding.UTF8.GetBytes("{\"name\":\"")
            .Aggregate(automaton.Start, (at, value) => automaton.Next(at, value)!);

        var (bytes, end) = automaton.Forced(state);

        Assert.Equal("é\",", Encoding.UTF8.GetString(bytes));
        Assert.False(end.IsComplete);
    }
}
