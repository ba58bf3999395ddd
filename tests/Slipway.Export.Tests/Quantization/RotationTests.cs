using Slipway.Checkpoints;
using Slipway.Export.Quantization.Rotation;
using Slipway.Export.Tests.Architectures;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Quantization;

/// <summary>Turns hidden states, which must not change what float models compute.</summary>
public sealed class RotationTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(64)]
    [InlineData(20)]
    [InlineData(9)]
    [InlineData(576)]
    public void Apply_UnitVectors_GivesAnOrthogonalMatrixWithoutSmallParts(int size)
    {
        OrthogonalMatrix matrix = new(size);
        float[][] rows = [.. Enumerable.Range(0, size).Select(index =>
        {
            var row = new float[size];
            row[index] = 1;
            matrix.Apply(row);
            return row;
        })];

        for (var first = 0; first < size; first++)
        {
            for (var second = 0; second <= first; second++)
            {
                var product = rows[first].Zip(rows[second], (x, y) => (double)x * y).Sum();
                Assert.Equal(first == second ? 1 : 0, product, 1e-5);
            }

            Assert.InRange(rows[first].Max(Math.Abs), 0, 2 / Math.Sqrt(size));
        }
    }

    // A head of its own, the embedding as a head, biases, norms of queries and keys, experts, shared experts.
    [Theory]
    [InlineData("llama")]
    [InlineData("llama-tied-bias")]
    [InlineData("llama-head20")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("phi3")]
    [InlineData("smollm3")]
    [InlineData("mixtral")]
    [InlineData("qwen3-moe")]
    [InlineData("gpt-oss")]
    [InlineData("granite")]
    public void Export_Rotated_LeavesLogits(string model)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model));
        Exporter.Export(checkpoint, _folder["plain"], new ExportOptions());
        Exporter.Export(checkpoint, _folder["rotated"], new ExportOptions { Rotate = true });
        int[] ids = [.. Enumerable.Range(0, 24).Select(index => 3 + (index * 37 % 200))];
        using DecoderRunner plain = new(_folder["plain"]), rotated = new(_folder["rotated"]);

        var difference = DecoderParityTests.Difference(plain.Run(ids), rotated.Run(ids));

        output.WriteLine($"{model}: largest difference {difference:0.0e+0}");
        Assert.InRange(difference, float.Epsilon, 1e-4f);
        Assert.Equal(Constants("plain"), Constants("rotated"));
        Assert.Equal(2, Directory.GetDirectories(_folder.Path).Length);
    }

    [Theory]
    [InlineData("gpt2", "LayerNormalization")]
    [InlineData("gemma2", "SimplifiedLayerNormalization")]
    public void Export_HiddenStatesThatCannotBeTurned_NamesTheNode(string model, string operation)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model));

        var exception = Assert.Throws<NotSupportedException>(() => Exporter.Export(
            checkpoint, _folder["rotated"], new ExportOptions { Rotate = true }));

        Assert.Contains("cannot be rotated without changing its answers", exception.Message, StringComparison.Ordinal);
        Assert.Contains($"({operation})", exception.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(_folder.Path));
    }

    [Fact]
    public void Export_RotatedWithATiedHead_KeepsTheMatrixBeforeItInSinglePrecision()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama-tied-bias"));
        var report = Exporter.Export(checkpoint, _folder["int4"], new ExportOptions
        {
            Precision = Precision.Int4, Method = "search", Rotate = true,
        });

        Assert.Equal(
            "fp32", Assert.Single(report.Manifest.Quantization!.Matrices!, pair =>
                pair.Key == "model.embed_tokens.weight.rotation").Value);
    }

    private string[] Constants(string package) =>
    [
        .. OnnxFile.Read(_folder[$"{package}/model.onnx"]).Graph.Initializers
            .Where(constant => !constant.Name.EndsWith(".rotation", StringComparison.Ordinal))
            .Select(constant => $"{constant.Name} {string.Join(',', constant.Shape)}").Order(),
    ];
}
