using System.Text.Json.Nodes;
using Slipway.Checkpoints;

namespace Slipway.Export.Tests.Definitions;

/// <summary>Layers written down plainly in double precision; tensors come into being when first asked for.</summary>
/// <remarks>States are [position][feature].</remarks>
internal sealed class ReferenceModel(int seed)
{
    private readonly Random _random = new(seed);
    private readonly Dictionary<string, (long[] Shape, float[] Values)> _tensors = [];

    /// <summary>Writes the tensors and the configuration as a checkpoint folder.</summary>
    public void Save(string folder, JsonObject config)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"),
            [.. _tensors.Select(tensor => SafetensorsEntry.From(tensor.Key, tensor.Value.Values, tensor.Value.Shape))]);
    }

    /// <summary>Random numbers around a centre.</summary>
    public float[] Tensor(string name, double centre, double spread, params long[] shape)
    {
        if (!_tensors.TryGetValue(name, out var tensor))
        {
            var count = shape.Aggregate(1L, (product, size) => product * size);
            tensor = (shape, [.. Enumerable.Range(0, (int)count)
                .Select(_ => (float)(centre + (spread * ((2 * _random.NextDouble()) - 1))))]);
            _tensors.Add(name, tensor);
        }

        Assert.Equal(shape, tensor.Shape);
        return tensor.Values;
    }

    public double[][] Embed(string name, int[] ids, int vocabulary, int size)
    {
        var table = Tensor($"{name}.weight", 0, 1, vocabulary, size);
        return [.. ids.Select(id => table.Skip(id * size).Take(size).Select(value => (double)value).ToArray())];
    }

    public double[][] Linear(string name, double[][] x, int outputs, bool bias = false, double spread = 0.2)
    {
        var inputs = x[0].Length;
        var added = bias ? Tensor($"{name}.bias", 0, 0.3, outputs) : new float[outputs];
        return Multiply(Tensor($"{name}.weight", 0, spread, outputs, inputs), 0, x, outputs, added);
    }

    /// <summary>x · weightᵀ for rows of a larger tensor.</summary>
    public static double[][] Multiply(float[] weight, int firstRow, double[][] x, int outputs, float[]? bias = null)
    {
        var inputs = x[0].Length;
        return Map(x, row => [.. Enumerable.Range(0, outputs).Select(output =>
        {
            double sum = bias?[output] ?? 0;
            for (var input = 0; input < inputs; input++)
            {
                sum += row[input] * weight[((firstRow + output) * inputs) + input];
            }

            return sum;
        })]);
    }

    public double[][] RmsNorm(string name, double[][] x, double epsilon, double offset = 0)
    {
        var weight = Tensor($"{name}.weight", 1 - offset, 0.3, x[0].Length);
        return Map(x, row =>
        {
            var scale = 1 / Math.Sqrt(row.Average(value => value * value) + epsilon);
            return [.. row.Select((value, index) => value * scale * (weight[index] + offset))];
        });
    }

    public double[][] LayerNorm(string name, double[][] x, double epsilon)
    {
        var weight = Tensor($"{name}.weight", 1, 0.3, x[0].Length);
        var bias = Tensor($"{name}.bias", 0, 0.3, x[0].Length);
        return Map(x, row =>
        {
            var mean = row.Average();
            var scale = 1 / Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon);
            return [.. row.Select((value, index) => ((value - mean) * scale * weight[index]) + bias[index])];
        });
    }

    /// <summary>down(silu(gate(x)) · up(x)).</summary>
    public double[][] Gated(
        string name, double[][] x, int inner, string gate = "gate_proj", string up = "up_proj",
        string down = "down_proj")
    {
        double[][] gates = Linear($"{name}.{gate}", x, inner), ups = Linear($"{name}.{up}", x, inner);
        return Linear($"{name}.{down}", Zip(gates, ups, (g, u) => Silu(g) * u), x[0].Length);
    }

    /// <summary>Experts that are modules of their own, mixed by weights [position][expert].</summary>
    public double[][] Experts(
        string name, double[][] x, int inner, double[][] weights, string gate = "gate_proj", string up = "up_proj",
        string down = "down_proj")
    {
        var sum = Map(x, row => new double[row.Length]);
        for (var expert = 0; expert < weights[0].Length; expert++)
        {
            var output = Gated($"{name}.{expert}", x, inner, gate, up, down);
            sum = Zip(sum, [.. output.Select((row, at) => Scale(row, weights[at][expert]))], (a, b) => a + b);
        }

        return sum;
    }

    /// <summary>The whole: layers of attention and feed-forward, each after a norm and added.</summary>
    public double[][] Decoder(
        int[] ids, ReferenceSizes sizes, Func<string, double[][], double[][]> norm,
        Func<string, int, double[][], double[][]> attend, Func<string, int, double[][], double[][]> feed,
        double residual = 1)
    {
        var x = Map(
            Embed("model.embed_tokens", ids, sizes.Vocabulary, sizes.Hidden),
            row => Scale(row, sizes.EmbeddingScale));
        for (var layer = 0; layer < sizes.Layers; layer++)
        {
            var name = $"model.layers.{layer}";
            x = Zip(x, attend(name, layer, norm($"{name}.input_layernorm", x)), (a, b) => a + (residual * b));
            x = Zip(x, feed(name, layer, norm($"{name}.post_attention_layernorm", x)), (a, b) => a + (residual * b));
        }

        return Linear("lm_head", norm("model.norm", x), sizes.Vocabulary, sizes.HeadBias);
    }

    public static double[][] Map(double[][] x, Func<double[], double[]> change) => [.. x.Select(change)];

    public static double[][] Zip(double[][] x, double[][] y, Func<double, double, double> join) =>
        [.. x.Zip(y, (a, b) => a.Zip(b, join).ToArray())];

    public static double[] Scale(double[] x, double factor) => [.. x.Select(value => value * factor)];

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double Silu(double x) => x * Sigmoid(x);
}

/// <summary>The sizes of a small model.</summary>
internal sealed record ReferenceSizes(
    int Vocabulary = 48, int Hidden = 64, int Layers = 2, int Heads = 4, int KeyHeads = 2, int HeadSize = 16)
{
    public double EmbeddingScale { get; init; } = 1;

    public bool HeadBias { get; init; }
}
