using Microsoft.ML.OnnxRuntime;
using Slipway.Checkpoints;
using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Quantization;

/// <summary>Compares statistics of experts' inputs with what a mixture's definition gives.</summary>
public sealed class ExpertInputsTests(ITestOutputHelper output) : IDisposable
{
    private const int Texts = 3, Length = 20;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Scores whose softmax weighs, weights that a router gives, biases with a clamped activation.
    [Theory]
    [InlineData("mixtral")]
    [InlineData("qwen3-moe")]
    [InlineData("gpt-oss")]
    public void Of_Mixture_GivesMeansOverEachExpertsTokens(string model)
    {
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model)))
        {
            Exporter.Export(checkpoint, _folder["single"], new ExportOptions { SlidingWindowCache = false });
        }

        var graph = OnnxFile.Read(_folder["single/model.onnx"]).Graph;
        var plan = QuantizationPlan.Make(
            GraphMatrices.Find(graph, null), MatrixFormat.Parse("int4:fitted/16"), [], isFree: false);
        var statistics = StatisticsGraph.Make(graph, plan)!;
        var mixture = graph.Nodes.First(node => node.OpType == "MoE");
        GraphMatrix Stack(int input) =>
            plan.First(planned => planned.Matrix.Name == mixture.Inputs[input]).Matrix;
        var (first, second) = (Stack(2), Stack(4));
        InputSum[] sums = [.. statistics.Sums];
        string[] seen = [mixture.Inputs[0], mixture.Inputs[1]];
        statistics.Graph.AddOutput(new GraphValue(seen[0]), ElementType.Float32, "rows", "length", "size");
        statistics.Graph.AddOutput(new GraphValue(seen[1]), ElementType.Float32, "tokens", "experts");

        var values = Run(statistics.Graph, [.. sums.Select(sum => sum.Output), .. seen]);
        for (var index = 0; index < sums.Length; index++)
        {
            sums[index].Observe(values[sums[index].Output], Texts * (Length - 1));
        }

        using GraphTensors tensors = new(_folder["single"]);
        var reference = Reference(graph, mixture, tensors, values[seen[0]], values[seen[1]], first, second);
        var actual = statistics.Of(second).Experts!;
        Assert.Equal(first.Count, actual.Count);
        for (var expert = 0; expert < actual.Count; expert++)
        {
            var (tokens, squares) = reference[expert];
            output.WriteLine($"{model}: expert {expert} has {tokens} tokens");
            if (tokens == 0)
            {
                Assert.Null(actual[expert]);
                continue;
            }

            var mean = reference.Sum(one => one.Squares.Sum()) / reference.Sum(one => one.Tokens) / second.Columns;
            for (var column = 0; column < second.Columns; column++)
            {
                var expected = (squares[column] + (16 * mean)) / (tokens + 16);
                Assert.Equal(expected, actual[expert]!.Moments[column], 1e-3 * mean);
            }
        }
    }

    private static (int Tokens, double[] Squares)[] Reference(
        Graph graph, Node node, GraphTensors tensors, float[] x, float[] scores, GraphMatrix first, GraphMatrix second)
    {
        float Number(string name, float absent) => node.Attributes.OfType<NodeAttribute.Float>()
            .FirstOrDefault(one => one.Name == name)?.Value ?? absent;
        var chosen = (int)node.Attributes.OfType<NodeAttribute.Int>().First(one => one.Name == "k").Value;
        var (alpha, beta) = (Number("activation_alpha", 1), Number("activation_beta", 0));
        var limit = Number("swiglu_limit", float.PositiveInfinity);
        var weights = new float[first.Rows * first.Columns];
        first.Open(tensors).ReadRows(0, first.Rows, weights);
        var bias = new float[first.Rows];
        if (node.Inputs[3].Length > 0)
        {
            tensors.ReadFloats(graph.FindInitializer(node.Inputs[3])!, 0, bias);
        }

        var (experts, inner) = (first.Count, second.Columns);
        var result = Enumerable.Range(0, experts).Select(_ => (Tokens: 0, Squares: new double[inner])).ToArray();
        for (var token = 0; token < Texts * Length; token++)
        {
            var own = scores.AsSpan(token * experts, experts).ToArray();
            foreach (var expert in Enumerable.Range(0, experts).OrderByDescending(index => own[index]).Take(chosen)
                .Where(_ => token % Length > 0))
            {
                result[expert].Tokens++;
                for (var unit = 0; unit < inner; unit++)
                {
                    double Product(int row) => bias[row] + Enumerable.Range(0, first.Columns).Sum(column =>
                        (double)weights[(row * first.Columns) + column] * x[(token * first.Columns) + column]);
                    var row = (expert * 2 * inner) + (2 * unit);
                    var (gate, up) = (
                        Math.Min(Product(row), limit), Math.Clamp(Product(row + 1), -limit, (double)limit));
                    result[expert].Squares[unit] += Math.Pow(gate / (1 + Math.Exp(-alpha * gate)) * (up + beta), 2);
                }
            }
        }

        return result;
    }

    private Dictionary<string, float[]> Run(Graph graph, string[] outputs)
    {
        using MemoryStream file = new();
        OnnxFile.Write(new OnnxModel(graph), file);
        using SessionOptions options = new();
        options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", _folder["single"]);
        using InferenceSession session = new(file.ToArray(), options);
        Dictionary<string, OrtValue> inputs = new()
        {
            ["input_ids"] = OrtValue.CreateTensorValueFromMemory(
                Enumerable.Range(0, Texts * Length).Select(index => (long)(3 + (index * 37 % 200))).ToArray(),
                [Texts, Length]),
            ["attention_mask"] = OrtValue.CreateTensorValueFromMemory(
                Enumerable.Repeat(1L, Texts * Length).ToArray(), [Texts, Length]),
        };
        foreach (var (name, metadata) in session.InputMetadata.Where(input => !inputs.ContainsKey(input.Key)))
        {
            var isPast = name.StartsWith("past", StringComparison.Ordinal);
            long[] shape = [.. metadata.Dimensions.Select((size, index) =>
                index == 0 && isPast ? Texts : (long)Math.Max(size, 0))];
            inputs[name] = OrtValue.CreateTensorValueFromMemory(
                new float[shape.Aggregate((product, size) => product * size)], shape);
        }

        using RunOptions run = new();
        using var results = session.Run(run, inputs, outputs);
        return outputs.Zip(results).ToDictionary(
            pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<float>().ToArray());
    }
}
