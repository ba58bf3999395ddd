using System.Text.Json.Nodes;
using Slipway.Tokenization;
using Slipway.Training.Running;

namespace Slipway.Training.Data.Encoders;

/// <summary>Turns lines into examples of an encoder, cut off to the longest sequence as packages cut texts.</summary>
/// <param name="tokenizer">The tokenizer, whose post-processor says what begins and ends a text.</param>
/// <param name="longest">The most tokens of a text, those around it included.</param>
internal sealed class ExampleEncoder(HuggingFaceTokenizer tokenizer, int longest)
{
    /// <summary>Reads <c>{"text": …, "text_pair": …, "label": …}</c>.</summary>
    public EncoderExample Classified(JsonLine line, LabelNames labels)
    {
        var target = labels.Find(Label(line), line);
        var text = Text(line, "text");
        if (line.OptionalText("text_pair") is not { } second)
        {
            var (ids, isCut) = Surround(text);
            return new EncoderExample([ids], null, [0], [target], isCut);
        }

        var (joined, types) = tokenizer.EncodePair(text, second, longest);
        return new EncoderExample(
            [joined], types, [0], [target], tokenizer.EncodePair(text, second).Ids.Length > longest);
    }

    /// <summary>Reads <c>{"words": […], "tags": […]}</c>: the first token of each word is told.</summary>
    public EncoderExample Tagged(JsonLine line, LabelNames labels)
    {
        var (words, tags) = (Words(line), Tags(line));
        if (words.Length != tags.Length)
        {
            throw new TrainingException(
                $"{line.Place} has {words.Length} words and {tags.Length} tags; expected as many of one as of the "
                + "other.");
        }

        var text = string.Join(' ', words);
        var plain = tokenizer.Encode(text, addSpecialTokens: false);
        var lengths = WordLengths(words, plain, line);
        var (ids, isCut) = Surround(text);
        var first = ids.AsSpan().IndexOf(plain.AsSpan(0, Math.Min(plain.Length, Room(plain))));
        var (places, targets, start) = (new List<int>(), new List<int>(), 0);
        for (var word = 0; word < words.Length; word++)
        {
            var target = labels.Find(tags[word], line);
            if (lengths[word] > 0 && start < Room(plain))
            {
                places.Add(first + start);
                targets.Add(target);
            }

            start += lengths[word];
        }

        return new EncoderExample([ids], null, [.. places], [.. targets], isCut);
    }

    /// <summary>Reads <c>{"text": …, "positive": …, "negative": … or […]}</c>.</summary>
    public EncoderExample Paired(JsonLine line)
    {
        var texts = new List<string> { Text(line, "text"), Text(line, "positive") };
        texts.AddRange(line.Json["negative"] switch
        {
            null => [],
            JsonArray => Texts(line, "negative"),
            _ => [Text(line, "negative")],
        });
        var all = texts.Select(Surround).ToArray();
        return new EncoderExample([.. all.Select(one => one.Ids)], null, [], [], all.Any(one => one.IsCut));
    }

    /// <summary>Cuts a text into windows of the longest sequence.</summary>
    public IEnumerable<EncoderExample> Windows(string text)
    {
        var plain = tokenizer.Encode(text, addSpecialTokens: false);
        var around = tokenizer.Encode(text, addSpecialTokens: true);
        var first = Math.Max(0, around.AsSpan().IndexOf(plain));
        var room = Room(plain);
        for (var start = 0; start < plain.Length; start += room)
        {
            yield return new EncoderExample(
                [[.. around[..first], .. plain.Skip(start).Take(room), .. around[(first + plain.Length)..]]],
                null, [], [], false);
        }
    }

    /// <summary>A line's label as text.</summary>
    public static string Label(JsonLine line) => LabelNames.Text(line.Json["label"]) ?? throw new TrainingException(
        $"{line.Place} has no 'label'. Give the name of a label, or its number.");

    /// <summary>A line's tags as texts.</summary>
    public static string[] Tags(JsonLine line) => line.Json["tags"] is JsonArray tags
        && tags.Select(LabelNames.Text).ToArray() is var texts && Array.TrueForAll(texts, text => text is not null)
        ? [.. texts.OfType<string>()] : throw new TrainingException(
            $"{line.Place} has no list 'tags' of names or numbers. Write an example as {{\"words\": [\"…\"], "
            + "\"tags\": [\"O\"]}.");

    private static string[] Words(JsonLine line) =>
        Texts(line, "words") is { Length: > 0 } words ? words : throw new TrainingException(
            $"{line.Place} has no words. Leave the line out.");

    private static string[] Texts(JsonLine line, string key) => line.Json[key] is JsonArray items
        && items.All(item => item is JsonValue value && value.TryGetValue(out string? text)
            && !string.IsNullOrWhiteSpace(text)) ? [.. items.Select(item => item!.ToString())]
        : throw new TrainingException(
            $"{line.Place} has no list '{key}' of texts that are not empty. Give a list of strings.");

    private static string Text(JsonLine line, string key) =>
        line.OptionalText(key) is { } text && !string.IsNullOrWhiteSpace(text) ? text : throw new TrainingException(
            $"{line.Place} has no '{key}', or an empty one. Give a text, or leave the line out.");

    // A text with the tokens around it, of which those at the end stay when it is cut.
    private (int[] Ids, bool IsCut) Surround(string text)
    {
        var ids = tokenizer.Encode(text, addSpecialTokens: true);
        if (ids.Length <= longest)
        {
            return (ids, false);
        }

        var plain = tokenizer.Encode(text, addSpecialTokens: false);
        var first = Math.Max(0, ids.AsSpan().IndexOf(plain));
        return ([.. ids[..(first + Room(plain))], .. ids[(first + plain.Length)..]], true);
    }

    // The most tokens of a text beside those around it.
    private int Room(int[] plain)
    {
        var around = tokenizer.Encode("", addSpecialTokens: true).Length;
        return longest > around ? Math.Min(Math.Max(plain.Length, 1), longest - around) : throw new TrainingException(
            $"'sequence_length' is {longest}, and {around} tokens stand around each text. Raise it.");
    }

    // A word's tokens differ with the space before it in some tokenizers; they must be those of the whole text.
    private int[] WordLengths(string[] words, int[] whole, JsonLine line)
    {
        foreach (var space in new[] { " ", "" })
        {
            var pieces = words.Select((word, index) =>
                tokenizer.Encode(index == 0 ? word : space + word, addSpecialTokens: false)).ToArray();
            if (pieces.SelectMany(piece => piece).SequenceEqual(whole))
            {
                return Array.ConvertAll(pieces, piece => piece.Length);
            }
        }

        throw new TrainingException(
            $"{line.Place} has words that the tokenizer joins, so that they cannot be told apart. Split the words at "
            + "spaces, or use a tokenizer that keeps words apart.");
    }
}
