using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Rollouts.Constitution;

/// <summary>Holds one rule that answers are held to.</summary>
/// <param name="Critique">What a critic is asked about an answer, such as "Name what in it is impolite.".</param>
/// <param name="Revision">What it is asked to write then, such as "Write the answer again, politely.".</param>
public sealed record ConstitutionRule(string Critique, string Revision)
{
    private static readonly JsonDocumentOptions Options = new()
    {
        AllowDuplicateProperties = false,
        AllowTrailingCommas = true,
        CommentHandling = JsonCommentHandling.Skip,
    };

    /// <summary>Reads a file of rules.</summary>
    /// <param name="path">
    /// JSON, with comments allowed: <c>{"rules": [{"critique": "…", "revision": "…"}, …]}</c>.
    /// </param>
    /// <exception cref="InvalidDataException">The file holds no rules; the message names what is wrong.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static IReadOnlyList<ConstitutionRule> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"The rules '{path}' do not exist. Check the path.", path);
        }

        JsonNode? json;
        try
        {
            json = JsonNode.Parse(File.ReadAllText(path), documentOptions: Options);
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"'{path}' is not valid JSON: {error.Message}", error);
        }

        return (json as JsonObject)?["rules"] is JsonArray { Count: > 0 } rules
            ? [.. rules.Select((rule, index) => Rule(rule, index, path))]
            : throw new InvalidDataException(
                $"'{path}' holds no list 'rules'. Write "
                + $"{{\"rules\": [{{\"critique\": \"…\", \"revision\": \"…\"}}]}}.");
    }

    private static ConstitutionRule Rule(JsonNode? rule, int index, string path)
    {
        if (rule is not JsonObject json)
        {
            throw new InvalidDataException(
                $"Rule {index + 1} of '{path}' is no object. Give it 'critique' and 'revision'.");
        }

        return json.FirstOrDefault(pair => pair.Key is not ("critique" or "revision")).Key is { } unknown
            ? throw new InvalidDataException(
                $"Rule {index + 1} of '{path}' has the unknown key '{unknown}'; expected 'critique' and 'revision'.")
            : new ConstitutionRule(Text("critique"), Text("revision"));

        string Text(string key) => json[key] is JsonValue value && value.TryGetValue(out string? text)
            && !string.IsNullOrWhiteSpace(text) ? text : throw new InvalidDataException(
                $"Rule {index + 1} of '{path}' has no text '{key}'. Say what the critic is asked.");
    }
}
