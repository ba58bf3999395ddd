using Slipway.Speculation;

namespace Slipway.Tests.Speculation;

public sealed class AdaptiveDraftLengthTests(ITestOutputHelper output)
{
    [Fact]
    public void Draft_GuessesComeTrue_GrowsToTheMost()
    {
        var length = new AdaptiveDraftLength(16);
        List<int> tokens = [.. Enumerable.Range(0, 100), 0, 1];
        var lengths = new List<int>();
        while (tokens.Count < 190)
        {
            var draft = length.Draft([.. tokens], 64, PromptLookup.TryDraft);
            lengths.Add(draft.Length);
            for (var i = 0; i <= draft.Length; i++)
            {
                Choose(length, tokens, (tokens[^1] + 1) % 100);
            }
        }

        Assert.Equal([4, 8, 16, 16, 16, 16, 16], lengths);
        Assert.Equal(92, length.Drafted);
        Assert.Equal(92, length.Accepted);
    }

    /// <summary>Drafts at a cost must be right so much more often.</summary>
    [Theory]
    [InlineData(0.0, true)]
    [InlineData(0.9, false)]
    public void Draft_HalfOfTheGuessesComeTrue_GoesOnWhereThatPays(double cost, bool pays)
    {
        var length = new AdaptiveDraftLength(2);
        List<int> tokens = [0];
        var drafts = 0;
        for (var step = 0; step < 200; step++)
        {
            var draft = length.Draft([.. tokens], 64, (_, room) => Fill(room, 1), cost);
            drafts += draft.IsEmpty ? 0 : 1;
            Choose(length, tokens, 1);
            if (!draft.IsEmpty)
            {
                Choose(length, tokens, 2);
            }
        }

        Assert.Equal(pays, drafts > 150);

        static bool Fill(Span<int> room, int id)
        {
            room.Fill(id);
            return true;
        }
    }

    [Fact]
    public void Draft_GuessesNeverComeTrue_Pauses()
    {
        const int tokensWanted = 4000;
        var length = new AdaptiveDraftLength(8);
        var random = new Random(1);
        List<int> tokens = [0, 1];
        for (var i = 0; i < tokensWanted; i++)
        {
            // Two tokens in random order repeat each other all the time; the draft is always made wrong.
            var draft = length.Draft([.. tokens], 64, PromptLookup.TryDraft);
            var id = draft.Length > 0 ? 1 - draft.Span[0] : random.Next(2);
            Choose(length, tokens, id);
        }

        output.WriteLine($"{length.Drafted} of {tokensWanted} tokens were drafted");
        Assert.Equal(0, length.Accepted);
        Assert.InRange(length.Drafted, 10, tokensWanted / 50);
    }

    [Fact]
    public void Draft_LuckTurns_ResumesAfterThePause()
    {
        var length = new AdaptiveDraftLength(8);
        List<int> tokens = [5, 6, 7, 8, 5, 6];
        Assert.Equal([7, 8, 5, 6], length.Draft([.. tokens], 64, PromptLookup.TryDraft).ToArray());
        Choose(length, tokens, 9);
        var paused = 0;
        ReadOnlyMemory<int> draft;
        while ((draft = length.Draft([.. tokens], 64, PromptLookup.TryDraft)).IsEmpty)
        {
            Choose(length, tokens, 5 + (++paused % 4));
        }

        Assert.Equal(8, paused);
        Assert.Equal(2, draft.Length);
    }

    [Fact]
    public void Draft_RoomForFewer_KeepsToIt()
    {
        var length = new AdaptiveDraftLength(8);
        Assert.Equal([7, 8], length.Draft([5, 6, 7, 8, 5, 6], 2, PromptLookup.TryDraft).ToArray());
        Assert.True(length.Draft([5, 6, 7, 8, 5, 6], 0, PromptLookup.TryDraft).IsEmpty);
        Assert.True(length.Draft([5, 6, 7, 8, 5, 6], -1, PromptLookup.TryDraft).IsEmpty);
        Assert.Equal(2, length.Drafted);
    }

    private static void Choose(AdaptiveDraftLength length, List<int> tokens, int id)
    {
        tokens.Add(id);
        length.Observe(id, tokens.Count);
    }
}
