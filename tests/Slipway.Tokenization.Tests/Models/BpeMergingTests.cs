using Slipway.Tokenization.Models;

namespace Slipway.Tokenization.Tests.Models;

public sealed class BpeMergingTests
{
    private const int Rounds = 300;

    [Theory]
    [InlineData(12)]
    [InlineData(95)]
    [InlineData(97)]
    [InlineData(600)]
    public void Merge_RandomTokens_GivesWhatTheDefinitionGives(int length)
    {
        Random random = new(length);
        for (var round = 0; round < Rounds; round++)
        {
            var (table, merges) = RandomMerges(random);
            int[] symbols = [.. Enumerable.Range(0, random.Next(length / 2, length)).Select(_ => random.Next(4))];
            var expected = Naive([.. symbols], merges);

            var count = BpeMerging.Merge(symbols, table);

            Assert.Equal(expected, symbols[..count]);
        }
    }

    [Fact]
    public void Merge_OneTokenManyTimes_GivesWhatTheDefinitionGives()
    {
        MergeTable table = new();
        Dictionary<(int, int), (int Rank, int Id)> merges = [];
        foreach (var (left, right) in ((int, int)[])[(0, 0), (1, 1), (2, 2), (3, 0), (1, 0)])
        {
            merges[(left, right)] = (merges.Count, merges.Count + 1);
            table.TryAdd(left, right, merges.Count - 1, merges.Count);
        }

        for (var length = 1; length < 300; length++)
        {
            var symbols = new int[length];
            Assert.Equal(Naive([.. symbols], merges), symbols[..BpeMerging.Merge(symbols, table)]);
        }
    }

    [Theory]
    [InlineData(4097)]
    [InlineData(9000)]
    public void Merge_VeryLongRows_GivesWhatTheDefinitionGives(int length)
    {
        Random random = new(length);
        for (var round = 0; round < 12; round++)
        {
            // Tokens in a random order of ranks: many merges make pairs of a lower rank than their own.
            var (table, merges) = RandomMerges(random, sharedRanks: false);
            int[] symbols = [.. Enumerable.Range(0, length).Select(_ => round % 3 == 0 ? 0 : random.Next(4))];
            var expected = Naive([.. symbols], merges);

            Assert.True(table.RanksAreTokens);
            var count = BpeMerging.Merge(symbols, table);

            Assert.Equal(expected, symbols[..count]);
        }
    }

    [Fact]
    public void Table_WhoseRanksMeanSeveralTokens_SaysSo()
    {
        MergeTable table = new();
        table.TryAdd(0, 1, 3, 7);
        table.TryAdd(1, 0, 3, 7);
        Assert.True(table.RanksAreTokens);
        Assert.Equal(4, table.RankCount);

        table.TryAdd(1, 1, 3, 8);

        Assert.False(table.RanksAreTokens);
    }

    [Fact]
    public void Table_ManyMerges_FindsEachAndNoOther()
    {
        MergeTable table = new();
        for (var i = 0; i < 5000; i++)
        {
            table.TryAdd(i, i * 7 % 5000, i, i + 1);
            table.TryAdd(i, i * 7 % 5000, 0, 0);
        }

        for (var i = 0; i < 5000; i++)
        {
            var entry = table.Find(i, i * 7 % 5000);
            Assert.Equal((i, i + 1), (MergeTable.RankOf(entry), MergeTable.IdOf(entry)));
            Assert.Equal(MergeTable.None, table.Find(i, (i * 7 % 5000) + 1));
        }
    }

    // Several pairs may share a rank, as in SentencePiece, and merge to different tokens.
    private static (MergeTable Table, Dictionary<(int, int), (int Rank, int Id)> Merges) RandomMerges(
        Random random, bool sharedRanks = true)
    {
        MergeTable table = new();
        Dictionary<(int, int), (int Rank, int Id)> merges = [];
        int[] ranks = [.. Enumerable.Range(0, 40).Select(id => sharedRanks ? random.Next(30) : id)];
        random.Shuffle(ranks);
        for (var id = 4; id < 40; id++)
        {
            var pair = (random.Next(id), random.Next(id));
            if (merges.TryAdd(pair, (ranks[id], id)))
            {
                table.TryAdd(pair.Item1, pair.Item2, merges[pair].Rank, id);
            }
        }

        return (table, merges);
    }

    // Byte-pair encoding as it is defined: merge the leftmost pair of the lowest rank, begin again.
    private static List<int> Naive(List<int> symbols, Dictionary<(int, int), (int Rank, int Id)> merges)
    {
        while (true)
        {
            var (best, lowest) = (-1, int.MaxValue);
            for (var i = 0; i + 1 < symbols.Count; i++)
            {
                if (merges.TryGetValue((symbols[i], symbols[i + 1]), out var merge) && merge.Rank < lowest)
                {
                    (best, lowest) = (i, merge.Rank);
                }
            }

            if (best < 0)
            {
                return symbols;
            }

            symbols[best] = merges[(symbols[best], symbols[best + 1])].Id;
            symbols.RemoveAt(best + 1);
        }
    }
}
