using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Gguf;

public sealed class GgufTests
{
    private static readonly string[] Types =
    [
        "f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl",
        "iq4_xs", "tq1_0", "tq2_0", "mxfp4",
    ];

    public static TheoryData<string> ReadTypes => [.. Types];

    // The file of all types, with the types that cannot be read renamed to one that can.
    private static string WithReadableTypes(TemporaryFolder folder)
    {
        byte[] bytes = File.ReadAllBytes(SharedAssets.Path("gguf", "types.gguf"));
        foreach (string name in new[] { "iq2_xxs", "iq2_xs", "iq3_xxs", "iq1_s", "iq3_s", "iq2_s", "iq1_m", "nvfp4" })
        {
            byte[] entry = [.. BitConverter.GetBytes((ulong)name.Length), .. System.Text.Encoding.ASCII.GetBytes(name)];
            int at = bytes.AsSpan().IndexOf(entry) + entry.Length + 4 + 16;
            BitConverter.GetBytes(35u).CopyTo(bytes, at);
            BitConverter.GetBytes(0ul).CopyTo(bytes, at + 4);
        }

        File.WriteAllBytes(folder["types.gguf"], bytes);
        return folder["types.gguf"];
    }

    [Theory]
    [MemberData(nameof(ReadTypes))]
    public void ReadFloats_EachType_GivesTheReferenceValues(string name)
    {
        using TemporaryFolder folder = new();
        using Checkpoint file = Checkpoint.Open(WithReadableTypes(folder));
        using Checkpoint expected = Checkpoint.Open(SharedAssets.Path("gguf", "types.expected.safetensors"));
        Assert.Equal([4L, 512L], file.Tensors[name].Shape);
        float[] actual = new float[2048], reference = new float[2048];
        file.ReadFloats(name, 0, actual);
        expected.ReadFloats(name, 0, reference);
        Assert.Equal(reference, actual);

        float[] part = new float[300];
        file.ReadFloats(name, 777, part);
        Assert.Equal(reference[777..1077], part);
    }

    [Fact]
    public void Open_TypeThatCannotBeRead_IsNamedWithItsTensor()
    {
        CheckpointException exception = Assert.Throws<CheckpointException>(
            () => Checkpoint.Open(SharedAssets.Path("gguf", "types.gguf")));
        Assert.Equal("iq2_xxs", exception.Tensor);
        Assert.Contains("'IQ2_XXS'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SmolLm2_HasHuggingFaceNamesShapesAndConfig()
    {
        using Checkpoint file = Checkpoint.Open(SharedAssets.Path("smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        Assert.Equal("gguf", file.Format);
        Assert.Equal([49152L, 576L], file.Tensors["model.embed_tokens.weight"].Shape);
        Assert.Equal([192L, 576L], file.Tensors["model.layers.29.self_attn.k_proj.weight"].Shape);
        Assert.Equal("LlamaForCausalLM", (string?)file.Config["architectures"]![0]);
        Assert.Equal(100000, (double)file.Config["rope_theta"]!);
        Assert.True((bool)file.Config["tie_word_embeddings"]!);
    }

    [Fact]
    public void Open_EachTruncation_IsRefusedWithThePath()
    {
        byte[] whole = File.ReadAllBytes(SharedAssets.Path("gguf", "types.gguf"));
        using TemporaryFolder folder = new();
        string path = folder["cut.gguf"];
        for (int length = 0; length < 3000; length += 7)
        {
            File.WriteAllBytes(path, whole[..length]);
            CheckpointException exception = Assert.Throws<CheckpointException>(() => Checkpoint.Open(path));
            Assert.Contains("cut.gguf", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Open_MutatedHeader_OpensOrIsRefused()
    {
        using TemporaryFolder folder = new();
        byte[] whole = File.ReadAllBytes(WithReadableTypes(folder));
        string path = folder["mutated.gguf"];
        Random random = new(1);
        int refused = 0;
        for (int round = 0; round < 1500; round++)
        {
            byte[] mutated = [.. whole];
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                mutated[random.Next(1400)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, mutated);
            try
            {
                using Checkpoint checkpoint = Checkpoint.Open(path);
                foreach (TensorInfo tensor in checkpoint.Tensors.Values.Where(tensor => tensor.Count < 1 << 16))
                {
                    checkpoint.ReadFloats(tensor.Name, 0, new float[tensor.Count]);
                }
            }
            catch (CheckpointException exception)
            {
                refused++;
                Assert.Contains("mutated.gguf", exception.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(refused, 500, 1500);
    }
}
