using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

public sealed class TrainingParityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("llama", "pretrain")]
    [InlineData("llama", "sft")]
    [InlineData("qwen3", "pretrain")]
    [InlineData("qwen3", "sft")]
    public void Losses_FromTheSameStart_FollowTheReference(string name, string stage)
    {
        using var reference = Reference.Training(name);
        var expected = reference.Expected(stage);
        using var optimizer = new AdamW(reference.Model.TrainableParameters);
        var steps = (int)expected["steps"]!;
        var schedule = new LearningRateSchedule((double)expected["learning_rate"]!, steps, (int)expected["warmup"]!);
        var max = 0.0;
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            var loss = stage == "sft" ? reference.FineTuning(step)
                : Reference.TokenLoss(reference.Model, reference.Ids("pretrain.input_ids", step));
            loss.backward();
            var norm = optimizer.ClipGradients(1.0);
            optimizer.Step(schedule.At(step), (double)expected["weight_decay"]!);
            max = Math.Max(max, Math.Abs(loss.item<float>() - (double)expected["losses"]![step]!));
            if (expected["gradient_norms"] is { } norms)
            {
                Assert.Equal((double)norms[step]!, norm, 1e-3);
            }
        }

        output.WriteLine($"{name} {stage}: largest difference of {steps} losses {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }
}
