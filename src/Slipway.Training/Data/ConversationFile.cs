using Slipway.Training.Running;

namespace Slipway.Training.Data;

/// <summary>Reads conversations from JSON Lines files: <c>{"messages": […], "tools": […]}</c> a line.</summary>
/// <param name="training">The file to train on.</param>
/// <param name="evaluation">The held-out file; null where there is none.</param>
public sealed class ConversationFile(string training, string? evaluation = null) : IConversationSource
{
    /// <inheritdoc/>
    public IEnumerable<Conversation> ReadTraining() => Read(training);

    /// <inheritdoc/>
    public IEnumerable<Conversation> ReadEvaluation() => evaluation is null ? [] : Read(evaluation);

    private static IEnumerable<Conversation> Read(string path)
    {
        foreach (var line in JsonLines.Read(path, "conversations"))
        {
            var messages = line.Messages("messages") ?? throw new TrainingException(
                $"{line.Place} holds no list 'messages' of objects with a 'role'. Write each conversation "
                + "as {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}, …]} on a line of its own.");
            RoleOrder.Check(line, [.. messages]);
            yield return new Conversation(messages, line.Tools(), line.OptionalText("tests"));
        }
    }
}
