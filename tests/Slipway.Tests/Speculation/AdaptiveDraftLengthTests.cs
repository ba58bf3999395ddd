using Slipway.Speculation;

namespace Slipway.Tests.Speculation;

public sealed class AdaptiveDraftLengthTests(ITestOutputHelper output)
{
    [Fact]
    public void Draft_GuessesComeTrue_GrowsToTheMost()
    {
        var drafting = new AdaptiveDraftLength(16);
        List<int> tokens = [.. Enumerable.Range(0, 100), 0, 1];
        var lengths = new List<int>();
        while (tokens.Count < 190)
        {
            var draft = drafting.Draft([.. tokens], 64, PromptLookup.TryDraft);
            lengths.Add(draft.Length);
            for (var i = 0; i <= draft.Length; i++)
            {
                Choose(drafting, tokens, (tokens[^1] + 1) % 100);
            }
        }

        Assert.Equal([4, 8, 16, 16, 16, 16, 16], lengths);
        Assert.Equal(92, drafting.Drafted);
        Assert.Equal(92, drafting.Accepted);
    }

    /// <summary>What guesses at a cost must be right so much more often.</summary>
    [Theory]
    [InlineData(0.0, true)]
    [InlineData(0.9, false)]
    public void Draft_HalfOfTheGuessesComeTrue_GoesOnWhereThatPays(double cost, bool pays)
    {
        var drafting = new AdaptiveDraftLength(2);
        List<int> tokens = [0];
        var guesses = 0;
        for (var step = 0; step < 200; step++)
        {
            var draft = drafting.Draft([.. tokens], 64, (_, guess) => Fill(guess, 1), cost);
            guesses += draft.IsEmpty ? 0 : 1;
            Choose(drafting, tokens, 1);
            if (!draft.IsEmpty)
            {
                Choose(drafting, tokens, 2);
            }
        }

        Assert.Equal(pays, guesses > 150);

        static bool Fill(Span<int> guess, int id)
        {
            guess.Fill(id);
            return true;
        }
    }

    [Fact]
    public void Draft_GuessesNeverComeTrue_Pauses()
    {
        const int tokensWanted = 4000;
        var drafting = new AdaptiveDraftLength(8);
        var random = new Random(1);
        List<int> tokens = [0, 1];
        for (var i = 0; i < tokensWanted; i++)
        {
            // Two tokens in random order repeat each other all the time; the guess is always made wrong.
            var draft = drafting.Draft([.. tokens], 64, PromptLookup.TryDraft);
            var id = draft.Length > 0 ? 1 - draft.Span[0] : random.Next(2);
            Choose(drafting, tokens, id);
        }

        output.WriteLine($"{drafting.Drafted} of {tokensWanted} tokens were guessed");
        Assert.Equal(0, drafting.Accepted);
        Assert.InRange(drafting.Drafted, 10, tokensWanted / 50);
    }

    [Fact]
    public void Draft_LuckTurns_ResumesAfterThePause()
    {
        var drafting = new AdaptiveDraftLength(8);
        List<int> tokens = [5, 6, 7, 8, 5, 6];
        Assert.Equal([7, 8, 5, 6], drafting.Draft([.. tokens], 64, PromptLookup.TryDraft).ToArray());
        Choose(drafting, tokens, 9);
        var paused = 0;
        ReadOnlyMemory<int> draft;
        while ((draft = drafting.Draft([.. tokens], 64, PromptLookup.TryDraft)).IsEmpty)
        {
            Choose(drafting, tokens, 5 + (++paused % 4));
        }

        Assert.Equal(8, paused);
        Assert.Equal(2, draft.Length);
    }

    [Fact]
    public void Draft_RoomForFewer_KeepsToIt()
    {
        var drafting = new AdaptiveDraftLength(8);
        Assert.Equal([7, 8], drafting.Draft([5, 6, 7, 8, 5, 6], 2, PromptLookup.TryDraft).ToArray());
        Assert.True(drafting.Draft([5, 6, 7, 8, 5, 6], 0, PromptLookup.TryDraft).IsEmpty);
        Assert.True(drafting.Draft([5, 6, 7, 8, 5, 6], -1, PromptLookup.TryDraft).IsEmpty);
        Assert.Equal(2, drafting.Drafted);
    }

    private static void Choose(AdaptiveDraftLength drafting, List<int> tokens, int id)
    {
        tokens.Add(id);
        drafting.Observe(id, tokens.Count);
    }
}
