using Slipway.Speculation;

namespace Slipway.Tests.Speculation;

public sealed class PromptLookupTests
{
    [Theory]
    [InlineData("7 1 2 3 4 5 9 1 2", "3 4 5")] // what followed before
    [InlineData("1 2 5 1 2 6 1 2", "6 1 2")] // of equal matches the latest
    [InlineData("8 1 2 5 6 7 1 2 3 8 1 2", "5 6 7")] // the longest match before a later one
    [InlineData("9 1 2 1 2", "1 2 1")] // on with itself at the end of the tokens
    [InlineData("4 4 4 4", "4 4 4")]
    public void TryDraft_LastTokensCameUpBefore_GivesWhatFollowed(string tokens, string expected)
    {
        var draft = new int[3];
        Assert.True(PromptLookup.TryDraft(Ids(tokens), draft));
        Assert.Equal(Ids(expected), draft);
    }

    [Theory]
    [InlineData("1 2 3 4 5")]
    [InlineData("3 1 2 9 8 1")] // one token alone is no repetition
    [InlineData("1 1")]
    [InlineData("1")]
    public void TryDraft_NothingRepeated_GivesNone(string tokens)
        => Assert.False(PromptLookup.TryDraft(Ids(tokens), new int[3]));

    [Fact]
    public void TryDraft_NoRoom_GivesNone() => Assert.False(PromptLookup.TryDraft([1, 2, 3, 1, 2], []));

    [Fact]
    public void TryDraft_RandomTokens_GivesWhatFollowedALongestMatch()
    {
        var random = new Random(4);
        var drafts = 0;
        for (var round = 0; round < 2000; round++)
        {
            int[] tokens = [.. Enumerable.Range(0, random.Next(3, 40)).Select(_ => random.Next(5))];
            var draft = new int[1];
            var found = PromptLookup.TryDraft(tokens, draft);
            var (longest, next) = (1, new List<int>());
            for (var at = 0; at < tokens.Length - 1; at++)
            {
                var match = 0;
                while (match <= at && match < 16 && tokens[at - match] == tokens[^(match + 1)])
                {
                    match++;
                }

                if (match > longest)
                {
                    (longest, next) = (match, []);
                }

                if (match == longest)
                {
                    next.Add(tokens[at + 1]);
                }
            }

            Assert.Equal(longest >= PromptLookup.MinMatch, found);
            Assert.True(!found || next[^1] == draft[0]);
            drafts += found ? 1 : 0;
        }

        Assert.InRange(drafts, 500, 1999);
    }

    private static int[] Ids(string text) => [.. text.Split(' ').Select(int.Parse)];
}
