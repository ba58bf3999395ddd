using System.Text.Json;
using Json.Schema;
using Microsoft.Extensions.AI;
using Slipway.Training.Data;

namespace Slipway.Rollouts.Rewards;

/// <summary>Rewards answers that are JSON of a schema with 1, others with 0.</summary>
public sealed class JsonSchemaReward : IReward
{
    private readonly JsonSchema _schema;

    /// <summary>Reads a schema.</summary>
    /// <param name="path">A file that holds a JSON schema.</param>
    /// <exception cref="ArgumentException">It holds none, or cannot be read.</exception>
    public JsonSchemaReward(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            _schema = JsonSchema.FromText(File.ReadAllText(path));
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException
            or JsonSchemaException)
        {
            throw new ArgumentException($"'{path}' holds no JSON schema: {error.Message}", nameof(path), error);
        }
    }

    /// <inheritdoc/>
    public ValueTask<double> ScoreAsync(
        Conversation conversation, ChatResponse answer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(answer);
        try
        {
            using var document = JsonDocument.Parse(answer.Text);
            return ValueTask.FromResult(_schema.Evaluate(document.RootElement).IsValid ? 1.0 : 0.0);
        }
        catch (JsonException)
        {
            return ValueTask.FromResult(0.0);
        }
    }
}
