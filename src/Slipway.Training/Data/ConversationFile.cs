using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Training.Running;

namespace Slipway.Training.Data;

/// <summary>Reads conversations from JSON Lines files: <c>{"messages": […], "tools": […]}</c> a line.</summary>
/// <param name="training">The file to train on.</param>
/// <param name="evaluation">The held-out file; null where there is none.</param>
public sealed class ConversationFile(string training, string? evaluation = null) : IConversationSource
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <inheritdoc/>
    public IEnumerable<Conversation> ReadTraining() => Read(training);

    /// <inheritdoc/>
    public IEnumerable<Conversation> ReadEvaluation() => evaluation is null ? [] : Read(evaluation);

    private static IEnumerable<Conversation> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"The conversations '{path}' do not exist. Check the path.", path);
        }

        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return Parse(line, path, number);
            }
        }
    }

    private static Conversation Parse(string line, string path, int number)
    {
        JsonObject? json;
        try
        {
            json = JsonNode.Parse(line, documentOptions: Options) as JsonObject;
        }
        catch (JsonException error)
        {
            throw new TrainingException($"Line {number} of '{path}' is not valid JSON: {error.Message}", error);
        }

        if (json?["messages"] is not JsonArray { Count: > 0 } messages
            || !messages.All(message => message is JsonObject one && one["role"] is JsonValue role
                && role.GetValueKind() == JsonValueKind.String))
        {
            throw new TrainingException(
                $"Line {number} of '{path}' holds no list 'messages' of objects with a 'role'. Write each conversation "
                + "as {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}, …]} on a line of its own.");
        }

        if (json["tools"] is not (null or JsonArray))
        {
            throw new TrainingException($"'tools' in line {number} of '{path}' is no list. Give a list of tools.");
        }

        return new Conversation(messages, json["tools"] as JsonArray);
    }
}
