using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Evaluation.Tasks;

/// <summary>Holds one item of a task's file: an object, and where it stands.</summary>
/// <param name="path">The file.</param>
/// <param name="line">The line, from 1.</param>
/// <param name="fields">The item's fields.</param>
public sealed class TaskItem(string path, int line, JsonObject fields)
{
    /// <summary>The item's fields.</summary>
    public JsonObject Fields => fields;

    /// <summary>The line of the file, from 1.</summary>
    public int Line => line;

    /// <summary>Makes the error that says what is wrong with the item.</summary>
    /// <param name="message">What is wrong, what was expected and what to do.</param>
    /// <param name="cause">The error below it, if any.</param>
    public TaskFileException Error(string message, Exception? cause = null) => new(path, line, message, cause);

    /// <summary>Reads a text from the first of several fields that is there.</summary>
    /// <param name="names">Names that data sets use for it.</param>
    /// <exception cref="TaskFileException">None is there, or it is no text.</exception>
    public string Text(params ReadOnlySpan<string> names) => OptionalText(names) ?? throw Missing(names, "a text");

    /// <summary>Reads a text from the first of several fields that is there; null where none is.</summary>
    /// <param name="names">Names that data sets use for it.</param>
    /// <exception cref="TaskFileException">It is no text.</exception>
    public string? OptionalText(params ReadOnlySpan<string> names)
        => Find(names, out var name) is not { } node ? null
            : node.GetValueKind() is JsonValueKind.String ? node.GetValue<string>()
            : node.GetValueKind() is JsonValueKind.Number ? node.ToJsonString()
            : throw Error($"'{name}' is {Describe(node)}; expected a text.");

    /// <summary>Reads texts from the first of several fields that is there: a list, a text, or an object with the list
    /// <c>text</c>, as SQuAD has it.</summary>
    /// <param name="names">Names that data sets use for them.</param>
    /// <exception cref="TaskFileException">None is there, or it holds no text.</exception>
    public IReadOnlyList<string> Texts(params ReadOnlySpan<string> names)
    {
        var node = Find(names, out var name) ?? throw Missing(names, "a list of texts");
        node = node is JsonObject outer && outer["text"] is { } inner ? inner : node;
        string[]? texts = node switch
        {
            JsonArray list when list.All(IsText) => [.. list.Select(item => item!.ToString())],
            JsonValue value when IsText(value) => [value.ToString()],
            _ => null,
        };
        return texts is { Length: > 0 } ? texts
            : throw Error($"'{name}' is {Describe(node)}; expected a list of one or more texts.");
    }

    /// <summary>Reads a number from the first of several fields that is there.</summary>
    /// <param name="names">Names that data sets use for it.</param>
    /// <exception cref="TaskFileException">None is there, or it is no number.</exception>
    public double Number(params ReadOnlySpan<string> names)
    {
        var text = Text(names);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
                ? number
                : throw Error($"'{names[0]}' is '{Excerpt.Of(text)}'; expected a number.");
    }

    /// <summary>Finds the first of several fields that is there and not null.</summary>
    /// <param name="names">Names that data sets use for it.</param>
    /// <param name="name">The name that it has here.</param>
    internal JsonNode? Find(ReadOnlySpan<string> names, out string name)
    {
        foreach (var candidate in names)
        {
            if (fields[candidate] is { } node)
            {
                name = candidate;
                return node;
            }
        }

        name = names[0];
        return null;
    }

    internal TaskFileException Missing(ReadOnlySpan<string> names, string what)
    {
        string[] others = [.. names[1..]];
        return Error(
            $"'{names[0]}' is missing; expected {what}"
            + (others.Length == 0 ? "." : $", there or in {string.Join(", ", others.Select(other => $"'{other}'"))}.")
            + $" The fields are {string.Join(", ", fields.Select(field => $"'{Excerpt.Of(field.Key)}'"))}.");
    }

    internal static string Describe(JsonNode? node) => node?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "null",
        JsonValueKind.Array => node.AsArray().Count == 0 ? "an empty list" : "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        _ => "a truth value",
    };

    private static bool IsText(JsonNode? node)
        => node?.GetValueKind() is JsonValueKind.String or JsonValueKind.Number;
}
