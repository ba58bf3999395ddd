using System.Runtime.InteropServices;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Training;

/// <summary>Learns a byte-level BPE tokenizer and writes it as a standard <c>tokenizer.json</c>.</summary>
/// <remarks>
/// The same texts in the same order give the same file. Of pairs that occur equally often, the one with the smaller
/// ids is merged first. Source: Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword
/// Units", 2016, over bytes as in GPT-2.
/// </remarks>
public sealed class BpeTrainer
{
    private readonly BpeTrainerOptions _options;

    /// <summary>Makes a trainer.</summary>
    /// <param name="options">Sizes and special tokens.</param>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public BpeTrainer(BpeTrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
    }

    /// <summary>Learns the merges of the texts.</summary>
    /// <param name="texts">Read once.</param>
    /// <param name="progress">Told the share of merges that are learned, 0 to 1.</param>
    /// <param name="cancellationToken">Stops between texts and between merges.</param>
    /// <returns>The <c>tokenizer.json</c>, UTF-8.</returns>
    public byte[] Train(
        IEnumerable<string> texts, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        TokenizerJsonWriter writer = new(_options);
        var vocabulary = writer.BaseVocabulary();
        var firstByte = _options.WholeTokens.Count;
        var words = CountWords(texts, writer.CreateSplitter(), firstByte, cancellationToken);
        BpePairCounts pairs = new(words);
        List<(string, string)> merges = [];
        HashSet<string> taken = [.. vocabulary];
        while (vocabulary.Count < _options.VocabularySize
            && pairs.TakeMostFrequent(_options.MinimumFrequency) is { } pair)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var merged = vocabulary[pair.Left] + vocabulary[pair.Right];
            if (!taken.Add(merged))
            {
                continue;
            }

            merges.Add((vocabulary[pair.Left], vocabulary[pair.Right]));
            pairs.Merge(pair.Left, pair.Right, vocabulary.Count);
            vocabulary.Add(merged);
            progress?.Report(
                (double)(vocabulary.Count - firstByte - 256) / (_options.VocabularySize - firstByte - 256));
        }

        return writer.Write(vocabulary, merges);
    }

    private List<(int[] Symbols, int Count)> CountWords(
        IEnumerable<string> texts, TextSplitter splitter, int firstByte, CancellationToken cancellationToken)
    {
        Dictionary<string, int> counts = new(StringComparer.Ordinal);
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        AddedTokenMatcher matcher = new(_options.WholeTokens.Select((token, index) =>
            new AddedToken(index, token, true, false, false, false, false)));
        List<Piece> pieces = [];
        foreach (var text in texts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var (start, end, id) in matcher.Split(text))
            {
                if (id >= 0)
                {
                    continue;
                }

                pieces.Clear();
                splitter.Split(new Piece(text, start, end - start, start), pieces);
                foreach (var piece in pieces)
                {
                    CollectionsMarshal.GetValueRefOrAddDefault(lookup, piece.Text, out _)++;
                }
            }
        }

        var idOf = new int[256];
        for (var value = 0; value < 256; value++)
        {
            idOf[value] = firstByte + value;
        }

        return [.. counts.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair =>
            (System.Text.Encoding.UTF8.GetBytes(pair.Key).Select(value => idOf[value]).ToArray(), pair.Value))];
    }
}
