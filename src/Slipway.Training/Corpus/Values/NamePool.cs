namespace Slipway.Training.Corpus.Values;

/// <summary>
/// Makes names that no list holds out of the words of all lists, so that training shows ever new ones.
/// </summary>
/// <remarks>What it makes belongs to training: neither a whole name nor one of its two parts is held out.</remarks>
internal sealed class NamePool(SplitRule rule)
{
    private readonly List<string> _words = [];

    /// <summary>Adds a list's training words.</summary>
    public void Add(IEnumerable<string> words) => _words.AddRange(words.Where(word => word.Length > 1));

    /// <summary>Draws a word of any list, the beginning of one with the end of another, or both together.</summary>
    public string Draw(SeededRandom random)
    {
        while (true)
        {
            string[] parts = random.Below(10) switch
            {
                < 4 => [random.Pick(_words)],
                < 8 => [Splice(random)],
                _ => [random.Pick(_words), Splice(random)],
            };
            var name = string.Join(' ', parts);
            if (parts.Append(name).All(part => part.Length > 1 && rule.OfName(part) == CorpusSplit.Training))
            {
                return name;
            }
        }
    }

    private string Splice(SeededRandom random)
    {
        var (first, second) = (random.Pick(_words), random.Pick(_words));
        return (first[..random.Between(1, first.Length - 1)] + second[random.Between(1, second.Length - 1)..]).Trim();
    }
}
