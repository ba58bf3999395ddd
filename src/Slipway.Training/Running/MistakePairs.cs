using System.Text;
using System.Text.Json.Nodes;
using Slipway.Tokenization;
using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using Slipway.Training.Rollouts;

namespace Slipway.Training.Running;

/// <summary>Lets the model of a run's start answer its data, and prefers right answers to its wrong ones.</summary>
internal sealed class MistakePairs(
    Recipe recipe, CausalLanguageModel model, IRollouts rollouts, TrainerFiles files,
    IProgress<TrainingProgress>? progress)
{
    // Each part exports the model once; all of its answers are held.
    private const int Part = 256;

    /// <summary>Writes the run's file of pairs, unless the run that goes on here did.</summary>
    /// <exception cref="TrainingException">No answer is wrong.</exception>
    public void Write(RunData data, HuggingFaceTokenizer tokenizer, CancellationToken cancellationToken)
    {
        if (File.Exists(files.Mistakes) && File.Exists(files.State))
        {
            return;
        }

        var settings = recipe.Data.Mistakes!;
        var longest = recipe.Stages.Max(stage => stage.SequenceLength) - settings.MaxAnswerTokens;
        var (conversations, _) = data.Prompts(tokenizer, longest, cancellationToken);
        var lines = new StringBuilder();
        using var weights = new PolicyWeights(model, files.Texts());
        for (var start = 0; start < conversations.Count; start += Part)
        {
            progress?.Report(new TrainingProgress("answer", -1, start, conversations.Count));
            var part = conversations.GetRange(start, Math.Min(Part, conversations.Count - start));
            var groups = rollouts.Write(
                weights.Checkpoint, part, settings, unchecked((recipe.Seed * 1_000_003) + start), cancellationToken);
            foreach (var pair in part.Zip(groups).SelectMany(one => Pairs(one.First, one.Second, settings)))
            {
                lines.Append(PreferenceFile.Line(pair)).Append('\n');
            }
        }

        if (lines.Length == 0)
        {
            throw new TrainingException(
                $"The model answers all {conversations.Count} conversations as 'data.mistakes.rewards' ask, so there "
                + "is nothing to learn from. Give other data, or draw more answers by 'group_size'.");
        }

        files.Write(files.Mistakes, Encoding.UTF8.GetBytes(lines.ToString()));
    }

    // Rewards go up to their weights.
    private static IEnumerable<Preference> Pairs(Conversation conversation, RolloutGroup group, RolloutRecipe settings)
    {
        var right = settings.Rewards.Sum(reward => Math.Max(reward.Weight, 0)) - 1e-6;
        JsonArray prompt = [.. conversation.Messages.SkipLast(1).Select(message => message!.DeepClone())];
        foreach (var answer in group.Answers.Where(answer => answer.Reward < right && answer.Text.Length > 0)
            .DistinctBy(answer => answer.Text, StringComparer.Ordinal))
        {
            yield return new Preference(
                prompt, [conversation.Messages[^1]!.DeepClone()],
                [new JsonObject { ["role"] = "assistant", ["content"] = answer.Text }], conversation.Tools);
        }
    }
}
