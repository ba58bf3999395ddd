namespace Slipway.Classifiers;

/// <summary>Joins labelled tokens to spans. Immutable.</summary>
/// <remarks>Source: transformers' token classification pipeline.</remarks>
internal sealed class SpanJoiner(ModelLabels labels, OnnxTokenClassifierOptions options, WordRule words)
{
    private readonly HashSet<string> _ignored = [.. options.IgnoredLabels ?? ["O"]];

    /// <summary>Joins the tokens of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="places">Its tokens.</param>
    /// <param name="logits">[tokens, labels], those that begin and end the text included.</param>
    public IReadOnlyList<TextSpan> Join(string text, TokenPlaces places, ReadOnlySpan<float> logits)
    {
        var count = labels.Names.Count;
        List<Piece> tokens = [];
        for (var i = 0; i < places.Tokens.Count; i++)
        {
            var scores = new float[count];
            ModelLabels.Softmax(logits.Slice((places.First + i) * count, count), scores);
            var place = places.Tokens[i];
            tokens.Add(new Piece(scores, place.Start, place.End, words.Continues(place, text)));
        }

        var entities = options.Aggregation is TokenAggregation.None or TokenAggregation.Simple
            ? tokens.Select(token => Best([token], token.Scores)) : Words(tokens).Select(Word);
        if (options.Aggregation != TokenAggregation.None)
        {
            entities = Groups(entities).Select(Group);
        }

        return [.. entities.Where(entity => !_ignored.Contains(entity.Label)).Select(entity => new TextSpan(
            entity.Label, entity.Score, entity.Start, entity.End, text[entity.Start..entity.End]))];
    }

    /// <summary>Joins the spans of overlapping windows of a text; of those that overlap one stays.</summary>
    public static IReadOnlyList<TextSpan> Merge(IReadOnlyList<IReadOnlyList<TextSpan>> windows)
    {
        if (windows.Count == 1)
        {
            return windows[0];
        }

        List<TextSpan> merged = [];
        foreach (var span in windows.SelectMany(spans => spans).OrderBy(span => span.Start))
        {
            if (merged.Count == 0 || span.Start >= merged[^1].End)
            {
                merged.Add(span);
            }
            else if (Length(span) > Length(merged[^1])
                || (Length(span) == Length(merged[^1]) && span.Score > merged[^1].Score))
            {
                merged[^1] = span;
            }
        }

        return merged;
    }

    private static int Length(TextSpan span) => span.End - span.Start;

    private Entity Word(List<Piece> word) => options.Aggregation switch
    {
        TokenAggregation.First => Best(word, word[0].Scores),
        TokenAggregation.Max => Best(word, word.MaxBy(token => token.Scores.Max())!.Scores),
        _ => Best(word, [.. Enumerable.Range(0, labels.Names.Count).Select(
            label => word.Average(token => token.Scores[label]))]),
    };

    private Entity Best(IReadOnlyList<Piece> tokens, float[] scores)
    {
        var best = Array.IndexOf(scores, scores.Max());
        return new Entity(labels.Names[best], scores[best], tokens[0].Start, tokens[^1].End);
    }

    private static IEnumerable<List<Piece>> Words(IEnumerable<Piece> tokens)
    {
        List<Piece> word = [];
        foreach (var token in tokens)
        {
            if (word.Count > 0 && !token.ContinuesWord)
            {
                yield return word;
                word = [];
            }

            word.Add(token);
        }

        if (word.Count > 0)
        {
            yield return word;
        }
    }

    private static IEnumerable<List<Entity>> Groups(IEnumerable<Entity> entities)
    {
        List<Entity> group = [];
        foreach (var entity in entities)
        {
            if (group.Count > 0
                && (Begins(entity.Label) || Tag(entity.Label) != Tag(group[^1].Label)))
            {
                yield return group;
                group = [];
            }

            group.Add(entity);
        }

        if (group.Count > 0)
        {
            yield return group;
        }
    }

    // A group's name is what follows the last '-' of its first label.
    private static Entity Group(List<Entity> group) => new(
        group[0].Label.Split('-')[^1], group.Average(entity => entity.Score), group[0].Start, group[^1].End);

    private static bool Begins(string label) => label.StartsWith("B-", StringComparison.Ordinal);

    private static string Tag(string label) =>
        Begins(label) || label.StartsWith("I-", StringComparison.Ordinal) ? label[2..] : label;

    private sealed record Piece(float[] Scores, int Start, int End, bool ContinuesWord);

    private readonly record struct Entity(string Label, float Score, int Start, int End);
}
