using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Evaluation.ToolCalls;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Calls tools.</summary>
/// <remarks>
/// Items have <c>messages</c> and <c>tools</c> in OpenAI's form; the last message is the assistant's right turn. A turn
/// is right where exactly its calls come, each with its name and all its arguments, or none where it has none.
/// </remarks>
internal sealed class ToolCallTask : EvaluationTask
{
    private const string Exact = "exact";
    private const string ExactCalls = "exact_calls";
    private const string RightTools = "right_tools";
    private const string NoCalls = "no_call_needed";

    private readonly ToolCallCase[] _cases;

    public ToolCallTask(TaskFile file, TaskOptions options)
        : base("tool-calls", file, options)
    {
        if (Options.Shots > 0)
        {
            throw new ArgumentException(
                "Tool calls take no examples; put them as earlier turns into the file's messages.", nameof(options));
        }

        _cases = [.. Items.Select(Read)];
    }

    internal override async Task<TaskAnswer> AnswerAsync(
        TaskSubject subject, int index, CancellationToken cancellationToken)
    {
        var test = _cases[index];
        var options = new ChatOptions
        {
            Temperature = 0,
            MaxOutputTokens = Options.MaxOutputTokens ?? 200,
            Tools = test.Tools.Count == 0 ? null : [.. test.Tools],
        };
        var response = await subject.Client.GetResponseAsync(test.Messages, options, cancellationToken)
            .ConfigureAwait(false);
        var result = ToolCallGrader.Grade(test, response);
        return new TaskAnswer(index, result.Answer, new Dictionary<string, double>(StringComparer.Ordinal)
        {
            [Exact] = result.IsRight ? 1 : 0,
            [RightTools] = result.NamesRight ? 1 : 0,
        });
    }

    internal override IReadOnlyList<TaskScore> Score(IReadOnlyList<TaskAnswer> answers)
    {
        TaskAnswer[] calls = [.. answers.Where(answer => _cases[answer.Item].Expected.Count > 0)];
        TaskAnswer[] texts = [.. answers.Except(calls)];
        List<TaskScore> scores = [TaskScore.OfMean(Exact, answers)];
        if (calls.Length > 0)
        {
            scores.Add(TaskScore.OfMean(Exact, calls) with { Name = ExactCalls });
            scores.Add(TaskScore.OfMean(RightTools, calls));
        }

        if (texts.Length > 0)
        {
            scores.Add(TaskScore.OfMean(Exact, texts) with { Name = NoCalls });
        }

        return scores;
    }

    private static ToolCallCase Read(TaskItem item)
    {
        if (item.Fields["messages"] is not JsonArray messages || messages.Any(message => message is not JsonObject))
        {
            throw item.Error("'messages' is missing or no list of objects; expected a conversation in OpenAI's form.");
        }

        if (item.Fields["tools"] is not (null or JsonArray))
        {
            throw item.Error("'tools' is no list; expected tools in OpenAI's form.");
        }

        try
        {
            return ToolCallCase.FromConversation(
                item.OptionalText("kind") ?? "call", messages, item.Fields["tools"] as JsonArray);
        }
        catch (ArgumentException exception)
        {
            throw item.Error(exception.Message, exception);
        }
    }
}
