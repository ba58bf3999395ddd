using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Gguf;

public sealed class GgufTypeTests(ITestOutputHelper output)
{
    public static TheoryData<string> Types =>
    [
        "f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq2_xxs",
        "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq1_s", "iq1_m", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "mxfp4", "nvfp4",
    ];

    [Theory]
    [MemberData(nameof(Types))]
    public void ReadFloats_TypeOfTheReference_EqualsItExactly(string name)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("gguf", "types.gguf"));
        using var reference = Checkpoint.Open(SharedAssets.Path("gguf", "types.expected.safetensors"));
        var expected = CheckpointFiles.Floats(reference, name);
        var actual = CheckpointFiles.Floats(checkpoint, name);

        var max = expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max();
        output.WriteLine($"{name}: largest difference {max}");
        Assert.Equal(reference.Tensors[name].Shape, checkpoint.Tensors[name].Shape);
        Assert.Equal(expected, actual);

        // Ranges that begin and end inside blocks give the same values.
        foreach (var (start, count) in ((int, int)[])[(1, 1), (31, 2), (300, 700), (511, 1030), (2047, 1), (37, 2000)])
        {
            var part = new float[count];
            checkpoint.ReadFloats(name, start, part);
            Assert.Equal(expected[start..(start + count)], part);
        }
    }

    [Theory]
    [InlineData("q4_0", 4, false)]
    [InlineData("q4_1", 4, true)]
    [InlineData("q4_k", 4, true)]
    [InlineData("q5_0", 8, false)]
    [InlineData("q8_0", 8, false)]
    public void ReadQuantized_TypesThatLieOnGrids_GivesCodesOfTheSameValues(string name, int bits, bool hasMinima)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("gguf", "types.gguf"));
        var grid = checkpoint.Quantized[name];
        Assert.Equal((bits, 32, hasMinima), (grid.Bits, grid.GroupSize, grid.HasMinima));
        var expected = CheckpointFiles.Floats(checkpoint, name);
        foreach (var first in (int[])[0, grid.Rows - 1])
        {
            var rows = grid.Rows - first;
            var codes = new byte[rows * grid.Columns];
            var (scales, zeros) = (new float[rows * grid.GroupCount], new float[rows * grid.GroupCount]);
            checkpoint.ReadQuantized(name, first, codes, scales, zeros);
            Assert.All(codes, code => Assert.InRange(code, 0, (1 << bits) - 1));
            for (var i = 0; i < codes.Length; i++)
            {
                var (scale, zero) = (scales[i / 32], zeros[i / 32]);
                Assert.Equal(
                    expected[(first * grid.Columns) + i], (codes[i] - zero) * scale,
                    1e-6f * Math.Abs(scale) * (16 + Math.Abs(zero)));
            }
        }
    }

    [Fact]
    public void Quantized_OtherTypes_AreNumbers()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("gguf", "types.gguf"));
        Assert.Equal(["q4_0", "q4_1", "q4_k", "q5_0", "q8_0"], checkpoint.Quantized.Keys.Order(StringComparer.Ordinal));
    }
}
