using Slipway.Chat;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Rollouts.Rewards;
using Slipway.Training.Data;
using Slipway.Training.Recipes;
using Slipway.Training.Rollouts;

namespace Slipway.Rollouts;

/// <summary>Answers prompts by this library's engine, on a package of the weights as they are.</summary>
/// <remarks>
/// Each call exports the weights in float32 into a temporary folder, loads them, and removes both at its end; all
/// answers of a call are computed together. Prompts are those of <see cref="OnnxChatClient"/>, so that what is learned
/// is what is served. Answers are drawn from the model's own distribution, without token masks. One call at a time.
/// </remarks>
/// <param name="rewards">Further rewards by the names that recipes have for them; null for none.</param>
public sealed class OnnxRollouts(IReadOnlyDictionary<string, Func<RewardRecipe, IReward>>? rewards = null) : IRollouts
{
    /// <inheritdoc/>
    public void Check(RolloutRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        try
        {
            _ = Open(recipe);
        }
        catch (Exception exception) when (exception is NotSupportedException or IOException)
        {
            throw new ArgumentException(exception.Message, nameof(recipe), exception);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<RolloutGroup> Write(
        Checkpoint weights, IReadOnlyList<Conversation> conversations, RolloutRecipe recipe, long seed,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(conversations);
        ArgumentNullException.ThrowIfNull(recipe);
        var judges = Open(recipe);
        var folder = Directory.CreateTempSubdirectory("slipway-rollouts-").FullName;
        try
        {
            var package = Path.Combine(folder, "package");
            Exporter.Export(weights, package, cancellationToken: cancellationToken);
            using var model = LanguageModel.Load(package, new LanguageModelOptions
            {
                QueueCapacity = conversations.Count * recipe.GroupSize,
            });
            return Task.Run(
                () => AnswerAsync(model, conversations, recipe, judges, seed, cancellationToken),
                cancellationToken).GetAwaiter().GetResult();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<RolloutGroup>> AnswerAsync(
        LanguageModel model, IReadOnlyList<Conversation> conversations, RolloutRecipe recipe,
        IReadOnlyList<(IReward Reward, double Weight)> judges, long seed, CancellationToken cancellationToken)
    {
        using var client = new OnnxChatClient(model);
        var chat = new LanguageModelChat(model, ChatFormatOptions.None);
        return await Task.WhenAll(conversations.Select(async (conversation, prompt) =>
        {
            var request = new RolloutRequest(client, chat, conversation, recipe);
            var answers = await Task.WhenAll(Enumerable.Range(0, recipe.GroupSize).Select(answer => request.AnswerAsync(
                judges, Mix(seed, (prompt * recipe.GroupSize) + answer), cancellationToken))).ConfigureAwait(false);
            return new RolloutGroup(request.PromptIds, answers);
        })).ConfigureAwait(false);
    }

    // SplitMix64: neighbouring answers draw from seeds far apart.
    private static long Mix(long seed, int answer)
    {
        var value = unchecked((ulong)seed + (((ulong)answer + 1) * 0x9E3779B97F4A7C15));
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return (long)(value ^ (value >> 31));
    }

    private List<(IReward Reward, double Weight)> Open(RolloutRecipe recipe) =>
        [.. recipe.Rewards.Select(one => (Find(one.Kind)(one), one.Weight))];

    private Func<RewardRecipe, IReward> Find(string kind)
    {
        if (rewards?.GetValueOrDefault(kind) is { } own)
        {
            return own;
        }

        return RewardKinds.All.GetValueOrDefault(kind) ?? throw new ArgumentException(
            $"There is no reward '{kind}'; expected one of "
            + $"'{string.Join("', '", RewardKinds.All.Keys.Concat(rewards?.Keys ?? []))}'.");
    }
}
