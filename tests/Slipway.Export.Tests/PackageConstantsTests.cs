using System.Runtime.InteropServices;
using Slipway.Checkpoints;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Export.Tests;

public sealed class PackageConstantsTests : IDisposable
{
    private const string Scales = "model.layers.0.mlp.down_proj.weight.scales";

    private readonly TemporaryFolder _folder = new();
    private readonly Initializer _constant;

    public PackageConstantsTests()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(
            checkpoint, _folder["package"], new ExportOptions { Precision = Precision.Int4, Method = "rtn" });
        _constant = OnnxFile.Read(_folder["package/model.onnx"]).Graph.FindInitializer(Scales)!;
    }

    private int Count => (int)_constant.Shape.Aggregate(1L, (product, size) => product * size);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Replace_OneConstant_ChangesItsBytesAlone()
    {
        PackageConstants.Replace(_folder["package"], _folder["other"], Values(Enumerable.Repeat(0.5f, Count)));

        _ = ModelPackage.Open(_folder["other"], PackageVerification.Full);
        byte[] before = File.ReadAllBytes(_folder["package/model.onnx.data"]),
            after = File.ReadAllBytes(_folder["other/model.onnx.data"]);
        var place = (TensorData.External)_constant.Data;
        var expected = before.ToArray();
        for (var i = 0; i < Count; i++)
        {
            BitConverter.GetBytes((Half)0.5f).CopyTo(expected, (int)place.Offset + (2 * i));
        }

        Assert.Equal(ElementType.Float16, _constant.Type);
        Assert.Equal(expected, after);
    }

    /// <summary>The graph of GPUs has what is in single precision once more, in halves.</summary>
    [Fact]
    public void Replace_NormOfAPackageForGpus_ChangesTheirGraphToo()
    {
        const string Norm = "model.norm.weight";
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(checkpoint, _folder["gpus"], new ExportOptions
        {
            Precision = Precision.Int4, Method = "rtn", Devices = ["cuda"],
        });
        float[] values = [.. Enumerable.Repeat(0.25f, 64)];

        var manifest = PackageConstants.Replace(_folder["gpus"], _folder["other"], new Dictionary<string, float[]>
        {
            [Norm] = values,
        });

        Assert.Contains(manifest.Variants!, variant => variant.Provider == "cuda");
        _ = ModelPackage.Open(_folder["other"], PackageVerification.Full);
        var data = File.ReadAllBytes(_folder["other/gpu.onnx.data"]);
        Assert.Contains(OnnxFile.Read(_folder["other/gpu.onnx"]).Graph.Initializers, constant =>
            constant.Name.StartsWith(Norm, StringComparison.Ordinal)
            && constant is { Type: ElementType.Float16, Data: TensorData.External place }
            && MemoryMarshal.Cast<byte, Half>(data.AsSpan((int)place.Offset, (int)place.Count)).ToArray()
                .All(value => value == (Half)0.25f));
    }

    [Fact]
    public void Replace_BeyondHalfPrecision_IsRefusedAndLeavesNothing()
    {
        var error = Assert.Throws<ArgumentException>(() => PackageConstants.Replace(
            _folder["package"], _folder["other"], Values(Enumerable.Repeat(1e6f, Count))));

        Assert.Contains("beyond half precision", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["other"]));
    }

    [Fact]
    public void Replace_OtherSize_IsRefusedByName() => Assert.Contains(
        $"no constant '{Scales}' of 1 numbers",
        Assert.Throws<ArgumentException>(() => PackageConstants.Replace(
            _folder["package"], _folder["other"], Values([1f]))).Message, StringComparison.Ordinal);

    private static Dictionary<string, float[]> Values(IEnumerable<float> values) => new() { [Scales] = [.. values] };
}
