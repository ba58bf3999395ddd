using Slipway.Training.Losses;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using Slipway.Training.Rollouts;
using Slipway.Training.Running;

namespace Slipway.Training.Data;

/// <summary>Lets a policy answer prompts, and shows it its answers by how they compare with each other.</summary>
/// <param name="conversations">The prompts with their right answers.</param>
/// <param name="leftOut">How many were left out, as their prompts are too long.</param>
/// <param name="policy">The model that is trained.</param>
/// <param name="rollouts">Writes the answers.</param>
/// <param name="recipe">The settings of answers.</param>
/// <param name="longest">The most tokens of prompt and answer.</param>
/// <param name="files">Tokenizer and chat template, by file name.</param>
/// <param name="reference">The model that the policy is held to; null for none.</param>
internal sealed class RolloutStageData(
    IReadOnlyList<Conversation> conversations, int leftOut, CausalLanguageModel policy, IRollouts rollouts,
    RolloutRecipe recipe, int longest, IReadOnlyDictionary<string, byte[]> files,
    CausalLanguageModel? reference) : StageData
{
    private readonly AddedTokens _added = AddedTokens.Of(policy);
    private List<(string Name, double Value)> _measures = [];
    private long _seen;
    private long _prompts;

    public override int Count => conversations.Count;

    /// <summary>An estimate from the prompts so far, with their answers.</summary>
    public override long Tokens => _prompts == 0 ? 0 : _seen * Count / _prompts;

    public override int LeftOut => leftOut;

    public override IReadOnlyList<(string Name, double Value)> Measures => _measures;

    public override int Length(int index) => 1;

    public override TrainingBatch Batch(ReadOnlySpan<int> indices) => throw new NotSupportedException(
        "Answers are written for a whole step at once; ask for its parts.");

    public override List<TrainingBatch> Gather(
        IReadOnlyList<int> examples, int parts, long seed, CancellationToken cancellationToken)
    {
        using var weights = new PolicyWeights(policy, files);
        var groups = rollouts.Write(
            weights.Checkpoint, [.. examples.Select(index => conversations[index])], recipe, seed, cancellationToken);
        var answers = groups.SelectMany(group => Judge(group)).ToArray();
        Measure(answers);

        // Answers that are worth as much as all others to their prompt teach nothing but to stay at the reference.
        var learned = reference is null
            ? answers.Where(answer => answer.Advantage != 0).ToArray() : answers;
        learned = learned.Length > 0 ? learned : answers[..1];
        _prompts += examples.Count;
        _seen += learned.Sum(answer => (long)answer.Length);
        var divided = Divide([.. Enumerable.Range(0, learned.Length)], parts, index => learned[index].Length).ToArray();
        return [.. divided.Select((part, index) => Build(
            [.. part.Select(answer => learned[answer])],
            part.Length + (index == 0 ? answers.Length - learned.Length : 0)))];
    }

    private IEnumerable<Answer> Judge(RolloutGroup group)
    {
        if (group.Answers.FirstOrDefault(answer => !double.IsFinite(answer.Reward)) is { } odd)
        {
            throw new TrainingException(
                $"An answer was rewarded with {odd.Reward}; expected a finite number. Mend the reward.");
        }

        // Advantages do not change with what all rewards have in common, and without it those of equal ones are 0.
        var rewards = group.Answers.Select(answer => (float)(answer.Reward - group.Answers[0].Reward)).ToArray();
        using var scope = TorchSharp.torch.NewDisposeScope();
        var advantages = PolicyLoss.GroupAdvantages(TorchSharp.torch.tensor(rewards), rewards.Length)
            .data<float>().ToArray();
        return group.Answers.Select((answer, index) => new Answer(
            Ids(group.PromptIds, answer), group.PromptIds.Count, advantages[index], answer));
    }

    private int[] Ids(IReadOnlyList<int> prompt, Rollout answer)
    {
        if (prompt.Count + answer.Ids.Count > longest || answer.Ids.Count == 0)
        {
            throw new TrainingException(
                $"A prompt of {prompt.Count} tokens has an answer of {answer.Ids.Count}; expected at least one, and at "
                + $"most {longest} together, as 'sequence_length' says. Raise it, or lower 'max_answer_tokens'.");
        }

        return [.. prompt, .. answer.Ids];
    }

    private RolloutBatch Build(Answer[] answers, int counted)
    {
        var tokens = new TokenBatchBuilder(_added);
        foreach (var answer in answers)
        {
            tokens.Add(answer.Ids, token => token >= answer.Prompt);
        }

        return new RolloutBatch(
            tokens.Build(), [.. answers.Select(answer => answer.Advantage)], counted, recipe.Temperature, reference,
            recipe.Beta);
    }

    private void Measure(Answer[] answers) => _measures =
    [
        ("reward", answers.Average(answer => answer.Rollout.Reward)),
        ("answer_tokens", answers.Average(answer => answer.Rollout.Ids.Count)),
        ("cut_answers", answers.Count(answer => !answer.Rollout.IsComplete)),
        ("learned_answers", answers.Count(answer => answer.Advantage != 0)),
    ];

    private sealed record Answer(int[] Ids, int Prompt, float Advantage, Rollout Rollout)
    {
        public int Length => Ids.Length - 1;
    }
}
