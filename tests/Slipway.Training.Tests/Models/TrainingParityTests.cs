using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

public sealed class TrainingParityTests(ITestOutputHelper output)
{
    private const long Masked = -100;

    [Theory]
    [InlineData("llama", "pretrain")]
    [InlineData("llama", "sft")]
    [InlineData("qwen3", "pretrain")]
    [InlineData("qwen3", "sft")]
    public void Losses_FromTheSameStart_FollowTheReference(string name, string stage)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", name));
        using var data = Checkpoint.Open(SharedAssets.Path("training", name, "data.safetensors"));
        var expected = JsonNode.Parse(File.ReadAllText(SharedAssets.Path("training", name, "expected.json")))![stage]!;
        using var model = new CausalLanguageModel(ModelConfig.Parse(start.Config, start.Path));
        CheckpointWeights.Load(model, start);
        using var optimizer = new AdamW([.. model.named_parameters().Select(one => (one.name, one.parameter))]);
        var steps = (int)expected["steps"]!;
        var schedule = new LearningRateSchedule((double)expected["learning_rate"]!, steps, (int)expected["warmup"]!);
        var max = 0.0;
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            var loss = stage == "sft" ? FineTuning(model, data, step) : PreTraining(model, data, step);
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

    private static Tensor PreTraining(CausalLanguageModel model, Checkpoint data, int step)
    {
        var ids = Read(data, "pretrain.input_ids", step, 8, 33);
        using var layout = SequenceLayout.Uniform(8, 32);
        return model.SummedLoss(ids[.., ..32].flatten(), layout, arange(256), ids[.., 1..].flatten()) / 256;
    }

    private static Tensor FineTuning(CausalLanguageModel model, Checkpoint data, int step)
    {
        var ids = Values(data, "sft.input_ids", step, 6 * 24);
        var mask = Values(data, "sft.attention_mask", step, 6 * 24);
        var labels = Values(data, "sft.labels", step, 6 * 24);
        var (kept, lengths, positions, targets) = (new List<long>(), new List<int>(), new List<long>(),
            new List<long>());
        for (var row = 0; row < 6; row++)
        {
            var length = Enumerable.Range(row * 24, 24).Count(index => mask[index] == 1);
            for (var index = row * 24; index < (row * 24) + length; index++)
            {
                if (index + 1 < (row * 24) + length && labels[index + 1] != Masked)
                {
                    positions.Add(kept.Count);
                    targets.Add(labels[index + 1]);
                }

                kept.Add(ids[index]);
            }

            lengths.Add(length);
        }

        using var layout = new SequenceLayout([.. lengths]);
        return model.SummedLoss(tensor(kept), layout, tensor(positions), tensor(targets)) / targets.Count;
    }

    private static Tensor Read(Checkpoint data, string name, int step, int rows, int columns) =>
        tensor(Values(data, name, step, rows * columns)).view(rows, columns);

    private static long[] Values(Checkpoint data, string name, int step, int count)
    {
        var values = new long[count];
        data.ReadBytes(name, (long)step * count * sizeof(long), MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
