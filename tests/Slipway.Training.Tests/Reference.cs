using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Models;
using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using static TorchSharp.torch;

namespace Slipway.Training;

/// <summary>Batches, losses and settings of a folder of reference runs.</summary>
internal sealed class Reference : IDisposable
{
    public const long Masked = -100;

    private readonly string _folder;
    private readonly Checkpoint _data;
    private readonly JsonNode _expected;

    private Reference(string name, string[] folder)
    {
        _folder = SharedAssets.Path(folder);
        _data = Checkpoint.Open(Path.Combine(_folder, "data.safetensors"));
        _expected = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "expected.json")))!;
        Model = Load(name);
    }

    public CausalLanguageModel Model { get; }

    public static Reference Training(string name) => new(name, ["training", name]);

    public static Reference Methods() => new("llama", ["training-methods", "llama"]);

    /// <summary>Loads a checkpoint of the folder of tiny models.</summary>
    public static CausalLanguageModel Load(string name)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("tiny", name));
        var model = new CausalLanguageModel(ModelConfig.Parse(start.Config, start.Path));
        CheckpointWeights.Load(model, start);
        return model;
    }

    public JsonNode Expected(string method) => _expected[method]!;

    public double[] Losses(string method, string key = "losses") =>
        [.. Expected(method)[key]!.AsArray().Select(value => (double)value!)];

    public Checkpoint Open(string file) => Checkpoint.Open(Path.Combine(_folder, file));

    /// <summary>One step's tensor of whole numbers, whose shape is the stored one without the step.</summary>
    public Tensor Ids(string name, int step)
    {
        var shape = _data.Tensors[name].Shape.Skip(1).ToArray();
        return tensor(Values(name, step, (int)shape.Aggregate(1L, (a, b) => a * b))).view(shape);
    }

    /// <summary>A tensor of floats, whole.</summary>
    public Tensor Floats(string name)
    {
        var info = _data.Tensors[name];
        var values = new float[info.Count];
        _data.ReadFloats(name, 0, values);
        return tensor(values).view([.. info.Shape]);
    }

    /// <summary>A tensor of whole numbers, whole.</summary>
    public Tensor Ids(string name)
    {
        var info = _data.Tensors[name];
        return tensor(Values(name, 0, (int)info.Count)).view([.. info.Shape]);
    }

    /// <summary>The mean loss of all tokens of equally long sequences.</summary>
    public static Tensor TokenLoss(CausalLanguageModel model, Tensor ids)
    {
        var (rows, columns) = ((int)ids.shape[0], (int)ids.shape[1] - 1);
        using var layout = SequenceLayout.Uniform(rows, columns);
        return model.SummedLoss(
            ids[.., ..columns].flatten(), layout, arange(rows * columns), ids[.., 1..].flatten()) / (rows * columns);
    }

    /// <summary>The mean loss of the targets of a step of supervised fine-tuning.</summary>
    public Tensor FineTuning(int step)
    {
        var ids = Values("sft.input_ids", step, 6 * 24);
        var mask = Values("sft.attention_mask", step, 6 * 24);
        var labels = Values("sft.labels", step, 6 * 24);
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
        return Model.SummedLoss(tensor(kept), layout, tensor(positions), tensor(targets)) / targets.Count;
    }

    /// <summary>Trains as the references do, and answers the largest difference of a step's loss.</summary>
    public static double Train(
        double[] expected, Optimizer optimizer, Func<int, double> rate, double decay, Func<int, Tensor> loss,
        double clip = 1)
    {
        var max = 0.0;
        for (var step = 0; step < expected.Length; step++)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradients();
            var value = loss(step);
            value.backward();
            optimizer.ClipGradients(clip);
            optimizer.Step(rate(step), decay);
            max = Math.Max(max, Math.Abs(value.item<float>() - expected[step]));
        }

        return max;
    }

    public void Dispose()
    {
        Model.Dispose();
        _data.Dispose();
    }

    private long[] Values(string name, int step, int count)
    {
        var values = new long[count];
        _data.ReadBytes(name, (long)step * count * sizeof(long), MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
