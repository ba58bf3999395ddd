using Microsoft.Extensions.AI;
using Slipway.Evaluation.CodeExecution;
using Slipway.Evaluation.Tasks.Kinds;
using Slipway.Training.Data;

namespace Slipway.Rollouts.Rewards;

/// <summary>Rewards answers whose program passes the conversation's tests with 1, others with 0.</summary>
/// <remarks>
/// The answer's first block of code, or all of it where it has none, is run with the <see cref="Conversation.Tests"/>
/// behind it, confined as <see cref="ProgramRunner"/> says.
/// </remarks>
/// <param name="language">One of <see cref="ProgramRunner.Languages"/>.</param>
/// <param name="runner">Runs the programs.</param>
public sealed class ProgramReward(string language, ProgramRunner runner) : IReward
{
    /// <inheritdoc/>
    public async ValueTask<double> ScoreAsync(
        Conversation conversation, ChatResponse answer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(conversation);
        ArgumentNullException.ThrowIfNull(answer);
        var tests = conversation.Tests ?? throw new InvalidDataException(
            "A conversation has no 'tests', which the reward of programs runs behind the answer. Give each line of the "
            + "data some.");
        var result = await runner.RunAsync(language, $"{CodeTask.Block(answer.Text)}\n\n{tests}\n", cancellationToken)
            .ConfigureAwait(false);
        return result.Outcome == ProgramOutcome.Completed ? 1 : 0;
    }
}
