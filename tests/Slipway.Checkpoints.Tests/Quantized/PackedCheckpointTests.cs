using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Quantized;

public sealed class PackedCheckpointTests
{
    private const int Rows = 16;
    private const int Columns = 24;
    private const int GroupSize = 8;

    public static TheoryData<string, bool> Layouts => new()
    {
        { "gptq", false }, { "gptq", true }, { "gptq_v2", false }, { "awq", false },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void ReadQuantized_PackedCodes_GivesThemBack(string layout, bool isReordered)
    {
        using var folder = new TemporaryFolder();
        var weight = PackedFixture.Write(folder, layout, Rows, Columns, GroupSize, isReordered);
        using var checkpoint = Checkpoint.Open(folder.Path);

        var info = checkpoint.Quantized["a.weight"];
        Assert.Equal((4, GroupSize, Rows, Columns), (info.Bits, info.GroupSize, info.Rows, info.Columns));
        Assert.Equal(isReordered ? weight.Groups : null, info.Groups);
        var (codes, scales, zeros) = Read(checkpoint, info, 0, Rows);
        Assert.Equal(weight.Codes, codes);
        Assert.Equal(weight.Scales, scales);
        Assert.Equal(weight.ZeroPoints, zeros);

        // Rows that begin and end inside a packed number.
        (codes, scales, zeros) = Read(checkpoint, info, 3, 7);
        Assert.Equal(weight.Codes[(3 * Columns)..(10 * Columns)], codes);
        Assert.Equal(weight.Scales[(3 * 3)..(10 * 3)], scales);
        Assert.Equal(weight.ZeroPoints[(3 * 3)..(10 * 3)], zeros);
    }

    [Theory]
    [MemberData(nameof(Layouts))]
    public void ReadFloats_PackedCodes_GivesWhatTheyStandFor(string layout, bool isReordered)
    {
        using var folder = new TemporaryFolder();
        var weight = PackedFixture.Write(folder, layout, Rows, Columns, GroupSize, isReordered);
        using var checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal(["a.weight", "norm.weight"], checkpoint.Tensors.Keys.Order());
        Assert.Equal([Rows, Columns], checkpoint.Tensors["a.weight"].Shape);
        var expected = weight.Values(Columns);
        Assert.Equal(expected, CheckpointFiles.Floats(checkpoint, "a.weight"));
        var part = new float[100];
        checkpoint.ReadFloats("a.weight", 37, part);
        Assert.Equal(expected[37..137], part);
        Assert.Equal(
            System.Runtime.InteropServices.MemoryMarshal.AsBytes(expected.AsSpan()).ToArray(),
            CheckpointFiles.Bytes(checkpoint, "a.weight"));
    }

    [Theory]
    [InlineData("gptq-llama")]
    [InlineData("awq-qwen3")]
    public void Open_PublishedLayout_ListsPlainNames(string name)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("quantized-checkpoints", name));

        Assert.Equal(21, checkpoint.Quantized.Count);
        Assert.All(checkpoint.Quantized.Values, info => Assert.Equal((4, 32), (info.Bits, info.GroupSize)));
        Assert.DoesNotContain(checkpoint.Tensors.Keys, key => !key.EndsWith(".weight", StringComparison.Ordinal));
        Assert.Equal([64, 96], checkpoint.Tensors["model.layers.0.mlp.down_proj.weight"].Shape);
        Assert.All(
            CheckpointFiles.Floats(checkpoint, "model.layers.1.mlp.down_proj.weight"),
            value => Assert.InRange(value, -1f, 1f));
    }

    [Fact]
    public void Open_UnknownMethod_NamesIt()
    {
        using var folder = new TemporaryFolder();
        PackedFixture.Write(folder, "gptq", Rows, Columns, GroupSize, false);
        File.WriteAllText(
            folder["config.json"], """{"quantization_config": {"quant_method": "hqq", "bits": 4, "group_size": 8}}""");
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal(
            $"The weights of '{folder.Path}' are quantized by the method 'hqq', which cannot be read; expected one " +
            $"of {string.Join(", ", CheckpointFormats.QuantizationMethods.Select(name => $"'{name}'"))}. Use the " +
            "checkpoint that it was made from.", error.Message);
    }

    [Fact]
    public void Open_GroupSizeThatContradictsTheTensors_NamesTheTensor()
    {
        using var folder = new TemporaryFolder();
        PackedFixture.Write(folder, "gptq", Rows, Columns, GroupSize, false);
        File.WriteAllText(
            folder["config.json"], """{"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 4}}""");
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder.Path));
        Assert.Equal("a.qzeros", error.Tensor);
        Assert.Equal(
            $"Tensor 'a.qzeros' of '{folder.Path}' has the type I32 and the shape [3, 2]; expected the shape [6, 2] " +
            "for codes and groups. Put the 'config.json' that was published with these weights beside them.",
            error.Message);
    }

    private static (byte[] Codes, float[] Scales, byte[] ZeroPoints) Read(
        Checkpoint checkpoint, QuantizedTensorInfo info, int first, int rows)
    {
        var codes = new byte[rows * info.Columns];
        var (scales, zeros) = (new float[rows * info.GroupCount], new float[rows * info.GroupCount]);
        checkpoint.ReadQuantized(info.Name, first, codes, scales, zeros);
        return (codes, scales, Array.ConvertAll(zeros, zero => (byte)zero));
    }
}
