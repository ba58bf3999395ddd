using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Methods;

public sealed class RewardParityTests(ITestOutputHelper output)
{
    [Fact]
    public void Losses_FromTheReferenceStart_FollowTheReference()
    {
        using var reference = Reference.Methods();
        using var rewards = new RewardModel(reference.Model);
        using (no_grad())
        {
            rewards.Score.copy_(reference.Floats("reward.score.weight"));
        }

        using var optimizer = new AdamW(rewards.Parameters);
        var max = Reference.Train(reference.Losses("reward"), optimizer, _ => 5e-4, 0, step =>
        {
            using var layout = SequenceLayout.Uniform(8, 20);
            var ids = cat([reference.Ids("preference.chosen", step), reference.Ids("preference.rejected", step)]);
            var scores = rewards.Scores(ids.flatten(), layout);
            return RewardModel.Loss(scores[..4], scores[4..]).mean();
        });
        output.WriteLine($"reward: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }
}
