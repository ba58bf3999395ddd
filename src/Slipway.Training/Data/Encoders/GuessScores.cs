namespace Slipway.Training.Data.Encoders;

/// <summary>Counts how guesses meet targets, in whatever order batches come.</summary>
/// <param name="labels">The names of labels; empty where targets are none.</param>
/// <param name="areTags">Whether labels are those of words, whose runs make spans.</param>
internal sealed class GuessScores(IReadOnlyList<string> labels, bool areTags)
{
    private readonly long[] _met = new long[labels.Count];
    private readonly long[] _wanted = new long[labels.Count];
    private readonly long[] _guessed = new long[labels.Count];
    private (long Met, long Wanted, long Found) _spans;
    private (long Met, long All) _all;

    /// <summary>Takes in the guesses of a batch.</summary>
    /// <param name="targets">What is right.</param>
    /// <param name="guesses">What was guessed.</param>
    /// <param name="sequences">The text of each, in their order.</param>
    public void Add(ReadOnlySpan<long> targets, ReadOnlySpan<long> guesses, ReadOnlySpan<long> sequences)
    {
        for (var index = 0; index < targets.Length; index++)
        {
            var isMet = targets[index] == guesses[index];
            _all = (_all.Met + (isMet ? 1 : 0), _all.All + 1);
            if (labels.Count > 0)
            {
                _met[targets[index]] += isMet ? 1 : 0;
                _wanted[targets[index]]++;
                _guessed[guesses[index]]++;
            }
        }

        if (areTags)
        {
            var (wanted, found) = (Spans(targets, sequences), Spans(guesses, sequences));
            _spans = (
                _spans.Met + wanted.Count(found.Contains), _spans.Wanted + wanted.Count, _spans.Found + found.Count);
        }
    }

    /// <summary>The figures: <c>accuracy</c>; of labels of texts <c>macro_f1</c>, the mean over those that are wanted
    /// or guessed; of tags <c>span_f1</c>, by whole spans.</summary>
    public IReadOnlyList<(string Name, double Value)> Read()
    {
        List<(string, double)> scores = [("accuracy", _all.All == 0 ? 0 : (double)_all.Met / _all.All)];
        if (areTags)
        {
            scores.Add(("span_f1", F1(_spans.Met, _spans.Wanted, _spans.Found)));
        }
        else if (labels.Count > 0)
        {
            scores.Add(("macro_f1", Enumerable.Range(0, labels.Count)
                .Where(label => _wanted[label] + _guessed[label] > 0)
                .Average(label => F1(_met[label], _wanted[label], _guessed[label]))));
        }

        return scores;
    }

    private static double F1(long met, long wanted, long found) =>
        wanted + found == 0 ? 1 : 2.0 * met / (wanted + found);

    // A span begins with 'B-', at another name or in another text; names without 'B-' and 'I-' are their own.
    private HashSet<(int Start, int End, string Name)> Spans(ReadOnlySpan<long> tags, ReadOnlySpan<long> sequences)
    {
        var (spans, start, open) = (new HashSet<(int, int, string)>(), 0, "");
        for (var index = 0; index <= tags.Length; index++)
        {
            var tag = index == tags.Length ? "O" : labels[(int)tags[index]];
            var isMarked = tag.Length > 2 && tag[1] == '-' && tag[0] is 'B' or 'I';
            var name = tag == "O" ? "" : isMarked ? tag[2..] : tag;
            var goesOn = name == open && !(isMarked && tag[0] == 'B')
                && index > 0 && index < tags.Length && sequences[index] == sequences[index - 1];
            if (goesOn)
            {
                continue;
            }

            if (open.Length > 0)
            {
                spans.Add((start, index, open));
            }

            (start, open) = (index, name);
        }

        return spans;
    }
}
