namespace Slipway.Tokenization.Tests.Training;

/// <summary>
/// Byte-pair encoding as its paper states it: count all pairs, merge the most frequent one, begin again.
/// </summary>
internal static class NaiveBpe
{
    public static List<string> Learn(IEnumerable<string> words, int merges, int minimum)
    {
        List<List<(string Text, int Id)>> corpus = [.. words.Select(word => System.Text.Encoding.UTF8.GetBytes(word)
            .Select(value => (ByteAlphabet.CharOf(value).ToString(), (int)value)).ToList())];
        List<string> learned = [];
        HashSet<string> known = [
            .. Enumerable.Range(0, 256).Select(value => ByteAlphabet.CharOf((byte)value).ToString())];
        HashSet<(int, int)> skipped = [];
        while (learned.Count < merges)
        {
            var best = corpus.SelectMany(word => word.Zip(word.Skip(1)))
                .GroupBy(pair => (Left: pair.First.Id, Right: pair.Second.Id))
                .Where(group => group.Count() >= minimum && !skipped.Contains(group.Key))
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Key.Left)
                .ThenBy(group => group.Key.Right)
                .FirstOrDefault();
            if (best is null)
            {
                break;
            }

            var text = best.First().First.Text + best.First().Second.Text;
            if (!known.Add(text))
            {
                skipped.Add(best.Key);
                continue;
            }

            var id = 256 + learned.Count;
            learned.Add(text);
            foreach (var word in corpus)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if ((word[i].Id, word[i + 1].Id) == best.Key)
                    {
                        word[i] = (text, id);
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return learned;
    }
}
