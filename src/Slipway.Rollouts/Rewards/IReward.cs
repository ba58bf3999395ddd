using Microsoft.Extensions.AI;
using Slipway.Training.Data;

namespace Slipway.Rollouts.Rewards;

/// <summary>Says what an answer is worth.</summary>
/// <remarks>
/// Called by several threads at a time. Equal answers get equal rewards; else a resumed run is another.
/// </remarks>
public interface IReward
{
    /// <summary>Judges an answer.</summary>
    /// <param name="conversation">The conversation; its last message is the right answer.</param>
    /// <param name="answer">What the model answered instead: text, calls.</param>
    /// <param name="cancellationToken">Stops what takes long.</param>
    /// <returns>A finite number; more is better.</returns>
    ValueTask<double> ScoreAsync(
        Conversation conversation, ChatResponse answer, CancellationToken cancellationToken);
}
