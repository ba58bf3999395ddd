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
            var state = Encoding.UTF8.GetBytes(start).Aggregate(automaton.Start, (s, value) => automaton.Next(s, value)!);
            var mask = table.Allowed(automaton, state);

            for (var id = 0; id < bytes.Length; id++)
            {
                GrammarState? end = state;
                foreach (var value in bytes[id])
                {
                    end = end is null ? null : automaton.Next(end, value);
                }

                Assert.Equal(bytes[id].Length > 0 && end is not null, (mask[0] & (1UL << id)) != 0);
            }
        }
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
