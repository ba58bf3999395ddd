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
}
