using System.Text.Json.Nodes;
using Slipway.Training.Corpus;
using Slipway.Training.Recipes;

namespace Slipway.Training.Data.Encoders;

/// <summary>Makes examples of an encoder from the requests of a grammar.</summary>
/// <remarks>
/// The label of a request is its family; its tags name the slots whose values stand in it (<c>B-</c> and <c>I-</c>,
/// else <c>O</c>); its partner says the same in other words.
/// </remarks>
internal static class GrammarExamples
{
    private const char Mark = '\u0001';
    private const char End = '\u0002';

    /// <summary>Makes the objects that lines of a file would hold, a number of them.</summary>
    public static IEnumerable<JsonLine> Of(StageKind kind, GrammarCorpus corpus, string path, bool isTraining)
    {
        var number = 0;
        foreach (var (family, request, partner) in corpus.ReadRequests(isTraining))
        {
            number++;
            if (kind != StageKind.Embed || partner is not null)
            {
                yield return new JsonLine(Example(kind, family, request, partner), path, number);
            }
        }
    }

    private static JsonObject Example(StageKind kind, ToolFamily family, Request request, Request? partner) =>
        kind switch
        {
            StageKind.Tag => Tagged(request),
            StageKind.Embed => new JsonObject { ["text"] = request.Text, ["positive"] = partner!.Text },
            _ => new JsonObject { ["text"] = request.Text, ["label"] = family.Name },
        };

    // Each word of a value carries its tag while the wording is filled and split.
    private static JsonObject Tagged(Request request)
    {
        var marked = Pattern.Fill(request.Wording, slot => string.Join(' ', Words(request.Values[slot].Text)
            .Select((word, index) => $"{word}{Mark}{(index == 0 ? 'B' : 'I')}-{slot}{End}")));
        var (words, tags) = (new JsonArray(), new JsonArray());
        foreach (var word in Words(marked))
        {
            var (start, end) = (word.AsSpan().IndexOf(Mark), word.AsSpan().IndexOf(End));
            words.Add((JsonNode)(start < 0 ? word : word.Remove(start, end + 1 - start)));
            tags.Add((JsonNode)(start < 0 ? "O" : word[(start + 1)..end]));
        }

        return new JsonObject { ["words"] = words, ["tags"] = tags };
    }

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
