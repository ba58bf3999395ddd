using System.Text.Json.Nodes;
using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Recipes;

namespace Slipway.Training.Running;

public sealed class ParallelLossTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Backward_WithWorkers_GivesTheLossAndTheGradientsOfOne(int threads)
    {
        using var model = Model();
        var (loss, gradients) = Backward(model, threads: 1);
        var (parallelLoss, parallelGradients) = Backward(model, threads);
        Assert.Equal(loss, parallelLoss, 1e-6);
        Assert.All(gradients.Zip(parallelGradients), pair => Assert.All(
            pair.First.Zip(pair.Second), values => Assert.Equal(values.First, values.Second, 1e-6)));
    }

    [Fact]
    public void Backward_OfOneBatch_GivesTheGradientsOfThePlainLoss()
    {
        using var model = Model();
        var (loss, gradients) = Backward(model, threads: 1);
        using var batch = Dataset().Batch([0, 1, 2, 3, 4, 5]);
        model.zero_grad();
        using var plain = batch.SummedLoss(model) / batch.Weight;
        plain.backward();
        Assert.Equal(plain.item<float>(), loss, 1e-6);
        Assert.All(gradients.Zip(Gradients(model)), pair => Assert.All(
            pair.First.Zip(pair.Second), values => Assert.Equal(values.First, values.Second, 1e-6)));
    }

    // Of eight experts a short text reaches a few: the others have no gradient, and are not stepped.
    [Fact]
    public void Backward_OfABatchThatMissesExperts_LeavesThoseWithoutAGradient()
    {
        using var model = Reference.Load("qwen3-moe");
        var data = new TokenDataset();
        data.Add([5, 9], [true, true]);
        data.Add([7, 11], [true, true]);
        var stage = new StageDataset(data, StageKind.Pretrain, 12);
        var batches = new[] { stage.Batch([0]), stage.Batch([1]) };
        var loss = new ParallelLoss(model, threads: 1).Backward(batches, seed: 0);
        var found = model.named_parameters().ToDictionary(
            one => one.name, one => one.parameter.grad?.data<float>().ToArray());
        Assert.Contains(found, one => one.Key.Contains(".experts.", StringComparison.Ordinal) && one.Value is null);
        Assert.Contains(found, one => one.Key.Contains(".experts.", StringComparison.Ordinal) && one.Value is not null);

        model.zero_grad();
        using var whole = stage.Batch([0, 1]);
        using var plain = whole.SummedLoss(model) / whole.Weight;
        plain.backward();
        Assert.Equal(plain.item<float>(), loss, 1e-5);
        Assert.All(model.named_parameters(), one =>
        {
            if (found[one.name] is { } gradient)
            {
                Assert.All(gradient.Zip(one.parameter.grad!.data<float>().ToArray()),
                    pair => Assert.Equal(pair.Second, pair.First, 1e-5));
            }
            else
            {
                Assert.True(one.parameter.grad is null || one.parameter.grad.count_nonzero().item<long>() == 0);
            }
        });
        Array.ForEach(batches, batch => batch.Dispose());
    }

    [Fact]
    public void Evaluate_WithWorkers_GivesTheLossOfOneAndReportsEveryBatch()
    {
        using var model = Model();
        Assert.Equal(Evaluate(threads: 1), Evaluate(threads: 3), 1e-9);

        double Evaluate(int threads)
        {
            var data = Dataset();
            var seen = 0;
            var loss = new ParallelLoss(model, threads).Evaluate(
                data.Count, index => data.Batch([index]), _ => seen++, TestContext.Current.CancellationToken);
            Assert.Equal(data.Count, seen);
            return loss;
        }
    }

    [Fact]
    public void Evaluate_WhenABatchCannotBeMade_PassesItsErrorOn()
    {
        using var model = Model();
        var error = Assert.Throws<InvalidOperationException>(() => new ParallelLoss(model, 2).Evaluate(
            4, index => throw new InvalidOperationException($"batch {index}"), _ => { },
            TestContext.Current.CancellationToken));
        Assert.StartsWith("batch ", error.Message, StringComparison.Ordinal);
    }

    private static (double Loss, float[][] Gradients) Backward(CausalLanguageModel model, int threads)
    {
        var parallel = new ParallelLoss(model, threads);
        var stage = new TrainerStage(Recipe, Dataset(), null, seed: 1);
        var batches = stage.Batches(0, parallel.Workers, CancellationToken.None);
        Assert.Equal(Math.Min(threads, Recipe.BatchSize), batches.Count);
        var loss = parallel.Backward(batches, seed: 0);
        batches.ForEach(batch => batch.Dispose());
        return (loss, Gradients(model));
    }

    private static float[][] Gradients(CausalLanguageModel model) =>
        [.. model.parameters().Select(weight => weight.grad!.data<float>().ToArray())];

    private static StageRecipe Recipe => new()
    {
        Kind = StageKind.Pretrain, Steps = 1, BatchSize = 6, SequenceLength = 12, LearningRate = 1e-3,
    };

    private static CausalLanguageModel Model() => new(ModelConfig.Parse(JsonNode.Parse("""
        {"architectures": ["LlamaForCausalLM"], "vocab_size": 40, "hidden_size": 32, "intermediate_size": 48,
         "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": true}
        """)!.AsObject(), "test"), seed: 3);

    private static StageDataset Dataset()
    {
        var data = new TokenDataset();
        for (var sequence = 0; sequence < 6; sequence++)
        {
            data.Add(
                [.. Enumerable.Range(0, 4 + sequence).Select(index => ((index * 7) + sequence) % 40)],
                [.. Enumerable.Range(0, 4 + sequence).Select(index => index > 1)]);
        }

        return new StageDataset(data, StageKind.Pretrain, 12);
    }
}
