using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Recipes;
using Slipway.Training.Rollouts;
using static TorchSharp.torch;

namespace Slipway.Rollouts;

public sealed class OnnxRolloutsTests(ITestOutputHelper output)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Write_OfALiveModule_GivesPromptsAnswersAndRewards()
    {
        using var model = DeviceAssistant.Load();
        var conversations = DeviceAssistant.Conversations(6);
        var recipe = Recipe("tool_calls") with { GroupSize = 4 };
        var groups = Write(model, conversations, recipe, seed: 3);
        Assert.Equal(conversations.Count, groups.Count);
        var end = 0;
        foreach (var (conversation, group) in conversations.Zip(groups))
        {
            // The prompt is what the trainer's own encoder makes of the conversation.
            var data = DeviceAssistant.Encode([conversation]);
            var prompt = data.Ids(0)[..LastAnswer(data)].ToArray();
            Assert.Equal(prompt, group.PromptIds);
            Assert.Equal(4, group.Answers.Count);
            foreach (var answer in group.Answers)
            {
                output.WriteLine($"{answer.Reward} {answer.Ids.Count} '{answer.Text}'");
                Assert.True(answer.IsComplete);
                end = data.Ids(0)[^1];
                Assert.Equal(end, answer.Ids[^1]);
                Assert.DoesNotContain(end, answer.Ids.SkipLast(1));
                if (answer.Ids.SequenceEqual(data.Ids(0)[LastAnswer(data)..].ToArray()))
                {
                    Assert.Equal(1, answer.Reward);
                }
            }
        }

        Assert.Contains(groups, group => group.Answers.Any(answer => answer.Reward == 1));
        Assert.Equal(Flat(groups), Flat(Write(model, conversations, recipe, seed: 3)));
        Assert.NotEqual(Flat(groups), Flat(Write(model, conversations, recipe, seed: 4)));
    }

    [Fact]
    public void Write_AfterTheWeightsChanged_AnswersWithThem()
    {
        using var model = DeviceAssistant.Load();
        var conversations = DeviceAssistant.Conversations(2);
        var recipe = Recipe("tool_calls") with { GroupSize = 2, MaxAnswerTokens = 12 };
        var before = Flat(Write(model, conversations, recipe, seed: 1));
        using (no_grad())
        {
            foreach (var (_, weight) in model.TrainableParameters)
            {
                weight.mul_(0.5);
            }
        }

        Assert.NotEqual(before, Flat(Write(model, conversations, recipe, seed: 1)));
    }

    private static int LastAnswer(TokenDataset data)
    {
        var start = data.Ids(0).Length - 1;
        while (start > 0 && data.Learned(0)[start - 1])
        {
            start--;
        }

        return start;
    }

    private static RolloutRecipe Recipe(string reward, string? file = null) =>
        new() { Rewards = [new RewardRecipe(reward, 1, file)] };

    private static IReadOnlyList<RolloutGroup> Write(
        CausalLanguageModel model, IReadOnlyList<Conversation> conversations, RolloutRecipe recipe, long seed)
    {
        using var weights = new ModuleCheckpoint(model, DeviceAssistant.Texts());
        return new OnnxRollouts().Write(weights, conversations, recipe, seed, Token);
    }

    private static int[][] Flat(IReadOnlyList<RolloutGroup> groups) =>
        [.. groups.SelectMany(group => group.Answers.Select(answer => answer.Ids.ToArray()))];
}
