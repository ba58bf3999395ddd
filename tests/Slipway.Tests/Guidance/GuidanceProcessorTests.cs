using System.Text;
using Slipway.Guidance;

namespace Slipway.Tests.Guidance;

public sealed class GuidanceProcessorTests
{
    // Ids 0 and 9 end an answer; 8 stands for nothing; 10 is beyond the tokenizer's vocabulary.
    private static readonly string[] Vocabulary = ["", "a", "ab", "abc", "b", "bc", "</t>", "</t>a", "", ""];

    private static readonly GrammarElement AbcAbc = GrammarElement.Repeat(GrammarElement.Literal("abc"), 1, 2);

    [Fact]
    public void Tokens_ThatSpanTheGrammarsParts_AreAllowedAsFarAsItGoes()
    {
        var processor = NewProcessor(null);

        Assert.Equal([1, 2, 3], Allowed(processor));
        Assert.Equal([5, 4], Allowed(processor, 1).OrderDescending());
        Assert.Equal([0, 1, 2, 3, 9], Allowed(processor, 1, 5));
        Assert.Equal([0, 9], Allowed(processor, 1, 5, 3));
    }

    [Theory]
    [InlineData(6, new[] { 1, 2, 3 })]
    [InlineData(7, new[] { 4, 5 })]
    public void Grammar_AfterATag_HoldsFromItsEnd(int tag, int[] expected)
    {
        var processor = NewProcessor("</t>");

        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 10], Allowed(processor));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 10], Allowed(processor, 4));
        Assert.Equal(expected, Allowed(processor, 4, tag));
    }

    [Fact]
    public void Masks_OfAllStates_AreWhatTheGrammarSaysTokenByToken()
    {
        var bytes = Vocabulary.Select(Encoding.UTF8.GetBytes).ToArray();
        var automaton = new GrammarAutomaton(AbcAbc);
        var table = new TokenTable(bytes);
        foreach (var start in new[] { "", "a", "ab", "abc", "abca", "abcabc" })
        {
            var state = Encoding.UTF8.GetBytes(start)
                .Aggregate(automaton.Start, (s, value) => automaton.Next(s, value)!);
            var mask = table.Allowed(automaton, state);

            for (var id = 0; id < bytes.Length; id++)
            {
                var end = state;
                foreach (var value in bytes[id])
                {
                    end = end is null ? null : automaton.Next(end, value);
                }

                Assert.Equal(bytes[id].Length > 0 && end is not null, (mask[0] & (1UL << id)) != 0);
            }
        }
    }

    /// <summary>
    /// A mask that is made of the last one's, where only a count of characters differs, is the one made from nothing.
    /// </summary>
    [Theory]
    [InlineData("""{"type":"string","maxLength":9}""")]
    [InlineData("""{"type":"string","minLength":4,"maxLength":11}""")]
    [InlineData("""{"type":"string","minLength":6}""")]
    [InlineData("""{"type":"string","pattern":"^(ab|é)*$","maxLength":8}""")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"string","maxLength":7},"b":{"type":"string"}}}""")]
    public void Masks_FromTheLastState_AreThoseFromNothing(string schema)
    {
        string[] parts = ["a", "b", "ab", "abab", "ababababab", "é", "éab", "\\n", "\"", "ab\"", "{\"", "\":", "\":\"",
            "}", "\"}", ",", " "];
        byte[][] vocabulary = [.. parts.Select(Encoding.UTF8.GetBytes), [0xC3], [0xA9], [0xA9, .. "ab"u8],
            .. "abn\\"u8.ToArray().Select(b => new[] { b })];
        var table = new TokenTable(vocabulary);
        var (followed, fresh) = (GrammarWalks.Compile(schema), GrammarWalks.Compile(schema));
#pragma warning disable CA5394 // Texts to test with.
        var random = new Random(5);
        for (var text = 0; text < 60; text++)
        {
            var (state, other, last) = (followed.Start, fresh.Start, (GrammarState?)null);
            for (var i = 0; i < 14; i++)
            {
                var mask = table.Allowed(followed, state, last);
                Assert.Equal(table.Allowed(fresh, other), mask);
                last = state;
                int[] possible = [.. Enumerable.Range(0, vocabulary.Length).Where(id => (mask[0] & (1UL << id)) != 0)];
                if (possible.Length == 0)
                {
                    break;
                }

                foreach (var value in vocabulary[possible[random.Next(possible.Length)]])
                {
                    (state, other) = (followed.Next(state, value)!, fresh.Next(other, value)!);
                }
            }
        }
#pragma warning restore CA5394
    }

    [Fact]
    public void Tokens_OfTheSameText_AreAllowedTogether()
    {
        string[] vocabulary = ["ab", "a", "", "ab", "abc", "b", "a", "abd", "ab"];
        var table = new TokenTable(vocabulary.Select(Encoding.UTF8.GetBytes));
        var automaton = new GrammarAutomaton(AbcAbc);

        var mask = table.Allowed(automaton, automaton.Start)[0];

        Assert.Equal([0, 1, 3, 4, 6, 8], Enumerable.Range(0, 64).Where(id => (mask & (1UL << id)) != 0));
    }

    [Fact]
    public void Text_UpToTags_GoesOnAsTheFirstThatIsWholeSays()
    {
        var automaton = new GrammarAutomaton(TextElement.Free(
            ("aab", GrammarElement.Literal("1")), ("ba", GrammarElement.Literal("2")), ("x", null)));

        Assert.True(automaton.Accepts("caaab1"));
        Assert.True(automaton.Accepts("aba2"));
        Assert.False(automaton.Accepts("aaba"));
        Assert.False(automaton.Accepts("caab"));
        Assert.False(automaton.Accepts("x"));
        Assert.True(automaton.Accepts("caa"));
    }

    [Fact]
    public void Text_BeforeATag_IsFreeButForTokensThatDoNotFit()
    {
        var grammar = TextElement.Free(("bc", GrammarElement.Literal("a")));
        GuidanceProcessor processor = new(new(grammar), new(Vocabulary.Select(Encoding.UTF8.GetBytes)), [0, 9], null);

        Assert.Equal(Enumerable.Range(0, 11), Allowed(processor));
        Assert.Equal(Enumerable.Range(0, 11), Allowed(processor, 2));
        Assert.Equal([1], Allowed(processor, 2, 5));
        Assert.Equal([0, 9], Allowed(processor, 2, 5, 1));
    }

    private static GuidanceProcessor NewProcessor(string? after) => new(
        new(AbcAbc),
        new(Vocabulary.Select(Encoding.UTF8.GetBytes)),
        [0, 9],
        after is null ? null : Encoding.UTF8.GetBytes(after));

    private static int[] Allowed(GuidanceProcessor processor, params int[] output)
    {
        var logits = new float[11];
        processor.Process([], output, logits);
        return [.. Enumerable.Range(0, 11).Where(id => !float.IsNegativeInfinity(logits[id]))];
    }
}
