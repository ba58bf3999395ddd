using Slipway.Training.Corpus;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Tests.Corpus.Values;

public sealed class NamePoolTests
{
    private static readonly SplitRule Rule = new(30, "");

    private static readonly string[] Words =
        ["kitchen", "bedroom", "garden", "green tea", "front door", "lemon", "saffron", "anna", "x", "living room"];

    [Fact]
    public void Draw_ManyNames_LeavesWhatIsHeldOutToTheHeldOutSplit()
    {
        var names = Draw(2000);
        Assert.All(names, name => Assert.Equal(CorpusSplit.Training, Rule.OfName(name)));
        Assert.DoesNotContain(names, name => name.Length < 2 || name.Trim() != name);
    }

    [Fact]
    public void Draw_ManyNames_AreOftenOnNoList()
    {
        var names = Draw(2000);
        Assert.InRange(names.Count(name => !Words.Contains(name)), 800, 1400);
        Assert.True(names.Distinct(StringComparer.Ordinal).Count() > 400);
    }

    [Fact]
    public void WordsKind_WithPool_LeavesTheHeldOutSplitAsItIs()
    {
        var with = new WordsKind(Words, shared: false, proper: true, Rule, new NamePool(Rule), 0.5);
        var without = new WordsKind(Words, shared: false, proper: true, Rule);
        Assert.Equal(Texts(without), Texts(with));

        static string[] Texts(WordsKind kind)
        {
            var random = new SeededRandom(3);
            return [.. Enumerable.Range(0, 100).Select(_ => kind.Draw(random, CorpusSplit.HeldOut).Text)];
        }
    }

    private static List<string> Draw(int count)
    {
        var pool = new NamePool(Rule);
        pool.Add(Words.Where(word => Rule.OfName(word) == CorpusSplit.Training));
        var random = new SeededRandom(5);
        return [.. Enumerable.Range(0, count).Select(_ => pool.Draw(random))];
    }
}
