using Slipway.Checkpoints;
using Slipway.Training.Data;
using Slipway.Training.Recipes;

namespace Slipway.Training.Rollouts;

/// <summary>Writes answers with a model's present weights and rewards them, for methods that learn from their own
/// answers.</summary>
/// <remarks><c>OnnxRollouts</c> of <c>Slipway.Rollouts</c> answers by this library's engine.</remarks>
public interface IRollouts
{
    /// <summary>Checks settings before a run begins.</summary>
    /// <param name="recipe">The settings.</param>
    /// <exception cref="ArgumentException">A reward is not known, or lacks what it needs.</exception>
    void Check(RolloutRecipe recipe);

    /// <summary>Answers the last turn of each conversation several times.</summary>
    /// <param name="weights">The model as it is now, with tokenizer and chat template; it stays the caller's.</param>
    /// <param name="conversations">Conversations whose last message is the right answer.</param>
    /// <param name="recipe">How to answer and what to reward.</param>
    /// <param name="seed">What answers are drawn from; equal seeds and weights give equal answers.</param>
    /// <param name="cancellationToken">Stops the answers.</param>
    /// <returns>The answers to each conversation, in order.</returns>
    IReadOnlyList<RolloutGroup> Write(
        Checkpoint weights, IReadOnlyList<Conversation> conversations, RolloutRecipe recipe, long seed,
        CancellationToken cancellationToken);
}

/// <summary>Holds the answers to one prompt.</summary>
/// <param name="PromptIds">The prompt's tokens, as the model was shown them.</param>
/// <param name="Answers">The answers.</param>
public sealed record RolloutGroup(IReadOnlyList<int> PromptIds, IReadOnlyList<Rollout> Answers);

/// <summary>Holds one answer.</summary>
/// <param name="Ids">The answer's tokens, with the one that ends it where it has ended.</param>
/// <param name="Reward">What it is worth.</param>
/// <param name="IsComplete">Whether it ended by itself rather than at the most tokens.</param>
/// <param name="Text">The answer as people read it.</param>
public sealed record Rollout(IReadOnlyList<int> Ids, double Reward, bool IsComplete, string Text);
