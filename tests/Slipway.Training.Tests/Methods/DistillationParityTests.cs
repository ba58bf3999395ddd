using Slipway.Training.Data;
using Slipway.Training.Losses;
using Slipway.Training.Optimization;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Methods;

public sealed class DistillationParityTests(ITestOutputHelper output)
{
    [Fact]
    public void Losses_FromTheReferenceStart_FollowTheReference()
    {
        using var reference = Reference.Methods();
        using var teacher = Reference.Load("qwen3");
        var data = new TokenDataset();
        for (var step = 0; step < 10; step++)
        {
            using var ids = reference.Ids("distill.input_ids", step);
            for (var row = 0; row < 6; row++)
            {
                data.Add([.. ids[row].data<long>().Select(id => (int)id)], [.. Enumerable.Repeat(true, 25)]);
            }
        }

        var stage = new StageDataset(
            data, StageKind.Distill, 25, new DistillationObjective(teacher, new DistillationLoss(0.5, 2)));
        using var optimizer = new AdamW(reference.Model.TrainableParameters);
        var max = Reference.Train(reference.Losses("distill"), optimizer, _ => 1e-3, 0, step =>
        {
            using var batch = stage.Batch([.. Enumerable.Range(6 * step, 6)]);
            return batch.SummedLoss(reference.Model) / batch.Weight;
        });
        output.WriteLine($"distillation: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    [Fact]
    public void Sum_OfTheReversedDivergence_FollowsItsDefinition()
    {
        double[] student = [0.3, -1, 2], teacher = [1, 0.5, -0.2];
        using var first = tensor(student, dtype: float32).view(1, 3);
        using var second = tensor(teacher, dtype: float32).view(1, 3);
        using var target = tensor(new[] { 1L });
        using var loss = new DistillationLoss(0.7, 1.5, IsReversed: true).Sum(first, second, target);
        double[] q = Softmax(student, 1.5), p = Softmax(teacher, 1.5);
        var divergence = q.Zip(p, (a, b) => a * Math.Log(a / b)).Sum();
        Assert.Equal(
            (0.7 * 1.5 * 1.5 * divergence) - (0.3 * Math.Log(Softmax(student, 1)[1])), loss.item<float>(), 1e-5);

        static double[] Softmax(double[] logits, double temperature)
        {
            var powers = logits.Select(logit => Math.Exp(logit / temperature)).ToArray();
            return [.. powers.Select(power => power / powers.Sum())];
        }
    }
}
