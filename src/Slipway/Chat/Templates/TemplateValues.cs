using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Guidance.Json;

namespace Slipway.Chat;

/// <summary>Writes a caller's values as the JSON that chat templates read.</summary>
/// <remarks>
/// Values of any type, so anything may be wrong with them: cycles, levels without end, numbers that JSON has none for,
/// properties that throw. All of it is an <see cref="ArgumentException"/> that names the place.
/// </remarks>
internal static class TemplateValues
{
    private const int MaxDepth = 64;

    // Without indentation: every token of a prompt costs.
    private static readonly JsonSerializerOptions Compact = new(AIJsonUtilities.DefaultOptions)
    {
        WriteIndented = false,
        MaxDepth = MaxDepth,
    };

    /// <summary>Converts a value to a node of its own.</summary>
    /// <param name="value">The value; null for JSON's null.</param>
    /// <param name="place">Names the value in a message.</param>
    /// <exception cref="ArgumentException">It cannot be written as JSON.</exception>
    public static JsonNode? ToNode(object? value, string place) => value switch
    {
        null or JsonElement { ValueKind: JsonValueKind.Undefined } => null,
        JsonNode node => Limited(JsonDepth.Of(node), place) ? node.DeepClone() : null,
        JsonElement element => Limited(JsonDepth.Of(element), place) ? JsonNode.Parse(element.GetRawText()) : null,
        _ => Written(
            value, place, static given => JsonSerializer.SerializeToNode(given, Compact.GetTypeInfo(typeof(object)))),
    };

    /// <summary>Converts the result of a function to the text that a model reads.</summary>
    /// <param name="result">A text as it is, null as nothing, all else as JSON.</param>
    /// <param name="place">Names the value in a message.</param>
    /// <exception cref="ArgumentException">It cannot be written as JSON.</exception>
    public static string ToText(object? result, string place) => result switch
    {
        null => "",
        string text => text,
        AIContent content => PartText(content, place),
        IEnumerable<AIContent> contents => string.Join('\n', contents.Select(content => PartText(content, place))),
        JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!,
        JsonElement { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => "",
        JsonNode node when !Limited(JsonDepth.Of(node), place) => "",
        _ => Written(
            result, place, static given => JsonSerializer.Serialize(given, Compact.GetTypeInfo(typeof(object)))),
    };

    // What a model of text cannot read is named, never written out: an image in base64 would fill its context.
    private static string PartText(AIContent content, string place) => content switch
    {
        TextContent text => text.Text,
        TextReasoningContent => "",
        ErrorContent error => error.Message,
        DataContent data when data.HasTopLevelMediaType("text") => Encoding.UTF8.GetString(data.Data.Span),
        DataContent data => $"[Content of type '{data.MediaType}' is left out: this model reads text only.]",
        UriContent uri => $"[Content of type '{uri.MediaType}' is at {uri.Uri}.]",
        _ => Written(
            content, place, static given => JsonSerializer.Serialize(given, Compact.GetTypeInfo(typeof(AIContent)))),
    };

    private static bool Limited(int depth, string place)
        => depth <= MaxDepth ? true : throw new ArgumentException(
            $"{place} is JSON of {depth} levels; expected at most {MaxDepth}. Flatten it.");

    private static T Written<T>(object value, string place, Func<object, T> write)
    {
        try
        {
            return write(value);
        }
        catch (Exception e)
        {
            throw new ArgumentException(
                $"{place} is of type '{Excerpt.Of(value.GetType().ToString())}' and cannot be written as JSON: "
                + $"{Excerpt.Of(e.Message)} Give a value that System.Text.Json writes in at most {MaxDepth} levels, or "
                + "a string.",
                e);
        }
    }
}
