using Slipway.Checkpoints;
using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Folding;
using Slipway.Export.Quantization.Graphs;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Quantization.Folding;

/// <summary>Scales inputs of matrices by random factors, which must not change what float models compute.</summary>
public sealed class ScaleFoldTests(ITestOutputHelper output) : IDisposable
{
    private const int Layers = 3;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Inputs that can be scaled: of attention's first and last matrices, of feed-forward's first and last, of the head.
    public static TheoryData<string, int> Cases { get; } = new()
    {
        { "llama", (4 * Layers) + 1 },           // grouped heads, a head of its own
        { "llama-mha", (3 * Layers) + 1 },       // heads widened by zeros
        { "llama-tied-bias", 4 * Layers },       // the embedding's matrix has another use
        { "qwen3", (4 * Layers) + 1 },           // norms of queries and keys
        { "qwen2", 4 * Layers },                 // biases, a tied head
        { "phi3", (4 * Layers) + 1 },
        { "gemma2", 4 * Layers },                // norms after each block too
        { "gpt2", 3 * Layers },                  // stored transposed; no factor passes its activation
        { "mixtral", (4 * Layers) + 1 },         // experts
        { "qwen3-moe", (4 * Layers) + 1 },
        { "gpt-oss", (3 * (Layers + 1)) + 1 },   // experts with a clamped activation; four layers
        { "llama-head20", (3 * Layers) + 1 },
        { "olmo2", (2 * Layers) + 1 },           // no norms before blocks
        { "gpt-neox", (3 * Layers) + 1 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Multiply_RandomFactors_LeavesLogits(string model, int count)
    {
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model)))
        {
            Exporter.Export(checkpoint, _folder["plain"], new ExportOptions());
            Exporter.Export(checkpoint, _folder["scaled"], new ExportOptions());
        }

        var graph = OnnxFile.Read(_folder["plain/model.onnx"]).Graph;
        ScaleFold[] folds = [.. ScaleFolds.Find(graph)];
        Assert.Equal(count, folds.Length);

        Write(graph, folds);
        File.Delete(_folder["scaled/slipway.json"]);

        int[] ids = [.. Enumerable.Range(0, 24).Select(index => 3 + (index * 37 % 200))];
        using DecoderRunner plain = new(_folder["plain"]), scaled = new(_folder["scaled"]);
        var (expected, actual) = (plain.Run(ids), scaled.Run(ids));
        var difference = expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max();
        var largest = expected.Max(Math.Abs);
        output.WriteLine($"{model}: logits differ by {difference / largest:0.0e+0} of the largest");
        Assert.InRange(difference, float.Epsilon, 1e-5f * largest);
    }

    private void Write(Graph graph, ScaleFold[] folds)
    {
        Random random = new(7);
        using GraphTensors tensors = new(_folder["plain"]);
        foreach (var fold in folds)
        {
            float[] factors = [.. Enumerable.Range(0, fold.Count).Select(_ => MathF.Exp(random.NextSingle() - 0.5f))];
            foreach (var target in fold.Targets)
            {
                tensors.Edit(
                    target.Constant, new ConstantFactors(target.Multipliers(factors), target.IsRows));
            }
        }

        using ExternalDataWriter data = new(File.Create(_folder["scaled/model.onnx.data"]), "model.onnx.data");
        WeightWriter writer = new(
            new Graph(graph.Name), data, "source", 1, _ => false, null, TestContext.Current.CancellationToken);
        var written = QuantizedGraph.Write(graph, tensors, [], _ => MatrixInputs.None, writer, exactActivations: false);
        using var file = File.Create(_folder["scaled/model.onnx"]);
        OnnxFile.Write(new OnnxModel(written), file);
    }
}
