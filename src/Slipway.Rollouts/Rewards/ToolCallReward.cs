using Microsoft.Extensions.AI;
using Slipway.Evaluation.ToolCalls;
using Slipway.Training.Data;

namespace Slipway.Rollouts.Rewards;

/// <summary>Rewards exactly the right tool calls: names, arguments and order.</summary>
/// <remarks>
/// 1 for what the conversation's last message has, calls or text word for word. Less where it is nearly so, or else
/// answers that all fail could not be told apart: 0.5 for a text in place of another text, 0.2 for the right tools with
/// other arguments. 0 for the rest.
/// </remarks>
public sealed class ToolCallReward : IReward
{
    private const double OtherText = 0.5;
    private const double OtherArguments = 0.2;

    /// <inheritdoc/>
    public ValueTask<double> ScoreAsync(
        Conversation conversation, ChatResponse answer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        ArgumentNullException.ThrowIfNull(answer);
        var test = ToolCallCase.FromConversation("", conversation.Messages, conversation.Tools);
        var result = ToolCallGrader.Grade(test, answer);
        var isText = test.Expected.Count == 0;
        return ValueTask.FromResult(result switch
        {
            { IsTextRight: true } => 1,
            { IsRight: true } => isText ? OtherText : 1,
            { NamesRight: true } when !isText => OtherArguments,
            _ => 0,
        });
    }
}
