using Slipway.Checkpoints;
using Slipway.Export.Quantization;
using Slipway.Export.Tests.Architectures;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Quantization;

/// <summary>Codes that a table gives values, NF4 and FP4.</summary>
public sealed class CodeTableTests(ITestOutputHelper output) : IDisposable
{
    private static readonly int[] Ids = [.. Enumerable.Range(0, 24).Select(index => index * 7 % 250)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("nf4", 64)]
    [InlineData("nf4", 128)]
    [InlineData("fp4", 64)]
    [InlineData("fp4", 128)]
    public void Quantize_ValuesOfBitsandbytes_GivesItsCodesAndScales(string method, int blockSize)
    {
        using var file = Checkpoint.Open(SharedAssets.Path("bnb4", "expected.safetensors"));
        float[] Read(string name) => Numbers(file, name);
        var expected = Read($"{method}.{blockSize}.dequantized");

        var quantized = WeightQuantizer.Quantize(
            expected, 24, 128, 4, blockSize, QuantizationMethods.Find(method),
            cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(Read($"{method}.code"), QuantizationMethods.Find(method).Values);
        Assert.Equal(Read($"{method}.{blockSize}.absmax"), quantized.Scales);
        var packed = Read($"{method}.{blockSize}.packed").Select(pair => (byte)pair).ToArray();
        CodeTable.Swap(packed);
        Assert.Equal(packed.Select(WithoutNegativeZero), quantized.Codes.Select(WithoutNegativeZero));
        Assert.Equal(expected, Dequantized(quantized));

        // FP4 has two codes for 0.
        int WithoutNegativeZero(byte pair) => method != "fp4" ? pair
            : ((pair & 15) == 8 ? 0 : pair & 15) | ((pair >> 4) == 8 ? 0 : pair & 240);
    }

    [Theory]
    [InlineData("nf4", 0.98)]
    [InlineData("fp4", 0.98)]
    public void Quantize_NormalWeights_LeavesLessErrorThanTheLargestWeightAsScale(string method, double part)
    {
        using var file = Checkpoint.Open(SharedAssets.Path("bnb4", "expected.safetensors"));
        var weights = Numbers(file, "weight");
        double Error(float[] values) => weights.Zip(values, (x, y) => Math.Pow(x - y, 2)).Sum();

        var searched = Error(Dequantized(WeightQuantizer.Quantize(
            weights, 24, 128, 4, 64, QuantizationMethods.Find(method),
            cancellationToken: TestContext.Current.CancellationToken)));
        var plain = Error(Numbers(file, $"{method}.64.dequantized"));

        output.WriteLine($"{method}: squared error {searched:0.000}, bitsandbytes {plain:0.000}");
        Assert.InRange(searched, 0, part * plain);
    }

    // The head is a matrix of its own, or the embedding.
    [Theory]
    [InlineData("llama", "nf4")]
    [InlineData("llama-tied-bias", "nf4")]
    [InlineData("llama-tied-bias", "fp4")]
    [InlineData("gpt2", "nf4")]
    public void Export_Table_ComputesWhatTheCodesStandFor(string model, string method)
    {
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model)))
        {
            Exporter.Export(checkpoint, _folder["single"], new ExportOptions());
        }

        PackageQuantizer.Quantize(_folder["single"], _folder["codes"], new QuantizeOptions
        {
            Method = method, BlockSize = 16,
        });
        PackageConstants.Replace(_folder["single"], _folder["values"], Rounded(method));
        using DecoderRunner values = new(_folder["values"]), codes = new(_folder["codes"]);
        var max = DecoderParityTests.Difference(codes.Run(Ids), values.Run(Ids));

        output.WriteLine($"{model} {method}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
        Assert.Contains(
            OnnxFile.Read(_folder["codes/model.onnx"]).Graph.Nodes, node => node.OpType == "MatMulBnb4");
    }

    [Fact]
    public void Export_Experts_HaveCodesOnAGrid()
    {
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "mixtral")))
        {
            Exporter.Export(checkpoint, _folder["codes"], new ExportOptions
            {
                Precision = Precision.Int4, Method = "fp4",
            });
        }

        using DecoderRunner codes = new(_folder["codes"]);
        Assert.All(codes.Run(Ids), logit => Assert.True(float.IsFinite(logit)));
        var graph = OnnxFile.Read(_folder["codes/model.onnx"]).Graph;
        Assert.Equal(["MatMulBnb4", "QMoE"], graph.Nodes.Select(node => node.OpType)
            .Where(name => name is "MatMulBnb4" or "QMoE" or "MatMulNBits" or "MoE").Distinct().Order());
    }

    [Fact]
    public void Export_CheckpointOfBitsandbytes_KeepsItsCodesByTheMethodsName()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("quantized-checkpoints", "bnb-nf4-double"));
        var report = Exporter.Export(checkpoint, _folder["kept"], new ExportOptions
        {
            Precision = Precision.Int4, Method = "nf4",
        });
        Assert.Equal(("nf4", 64), (report.Manifest.Quantization!.Method, report.Manifest.Quantization.BlockSize));
        Assert.Empty(report.Warnings);

        // Bit by bit those of the checkpoint; what it has as numbers is quantized too.
        const string Name = "model.layers.0.mlp.down_proj.weight";
        var (codes, scales) = (new byte[192 * 320], new float[192 * 5]);
        checkpoint.ReadQuantized(Name, 0, codes, scales, new float[scales.Length]);
        var constant = OnnxFile.Read(_folder["kept/model.onnx"]).Graph.FindInitializer($"{Name}.codes")!;
        var place = (Onnx.TensorData.External)constant.Data;
        var stored = File.ReadAllBytes(_folder["kept/model.onnx.data"]).AsSpan((int)place.Offset, (int)place.Count);
        var packed = codes.Chunk(2).Select(pair => (byte)((pair[0] << 4) | pair[1])).ToArray();
        Assert.Equal(packed, stored.ToArray());
    }

    [Theory]
    [InlineData("int8:nf4")]
    [InlineData("int2:fp4/64")]
    public void Parse_TableOfOtherBits_IsRefused(string format)
    {
        var exception = Assert.Throws<ArgumentException>(() => MatrixFormat.Parse(format));

        Assert.StartsWith(
            $"The method '{format[5..8]}' has 16 values, so it stores int4 only, not {format[..4]}.", exception.Message,
            StringComparison.Ordinal);
    }

    private Dictionary<string, float[]> Rounded(string method)
    {
        using var tensors = new Export.Quantization.Graphs.GraphTensors(_folder["single"]);
        var graph = OnnxFile.Read(_folder["single/model.onnx"]).Graph;
        Dictionary<string, float[]> result = [];
        foreach (var matrix in Export.Quantization.Graphs.GraphMatrices.Find(graph, null))
        {
            var weights = new float[matrix.Rows * matrix.Columns];
            matrix.Open(tensors).ReadRows(0, matrix.Rows, weights);
            var quantized = WeightQuantizer.Quantize(
                weights, matrix.Rows, matrix.Columns, 4, 16, QuantizationMethods.Find(method),
                cancellationToken: TestContext.Current.CancellationToken);
            result[matrix.Name] = Dequantized(quantized with
            {
                Scales = [.. quantized.Scales.Select(scale => (float)(Half)scale)],
            });
        }

        return result;
    }

    private static float[] Dequantized(QuantizedMatrix quantized)
    {
        var values = new float[quantized.Rows * quantized.Columns];
        for (var row = 0; row < quantized.Rows; row++)
        {
            quantized.Dequantize(row, values.AsSpan(row * quantized.Columns, quantized.Columns));
        }

        return values;
    }

    private static float[] Numbers(Checkpoint file, string name)
    {
        var values = new float[file.Tensors[name].Count];
        file.ReadFloats(name, 0, values);
        return values;
    }
}
