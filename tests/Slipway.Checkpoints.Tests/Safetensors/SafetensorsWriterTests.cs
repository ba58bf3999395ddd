using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Safetensors;

public sealed class SafetensorsWriterTests
{
    [Fact]
    public void Write_TensorsOfManyTypes_ReadBackEqual()
    {
        using var folder = new TemporaryFolder();
        var path = folder["t.safetensors"];
        float[] values = [0, -0f, 1.5f, float.MaxValue, float.NegativeInfinity, 1e-45f];

        SafetensorsWriter.Write(path,
        [
            SafetensorsEntry.From("floats", values, 2, 3),
            SafetensorsEntry.From("ids", [long.MinValue, 0, 7L], 3),
            SafetensorsEntry.From("ints", [1, -2], 1, 2),
            SafetensorsEntry.From("bytes", new byte[] { 9 }),
            SafetensorsEntry.From("empty", Array.Empty<float>(), 0, 4),
        ], new Dictionary<string, string> { ["format"] = "pt" });

        using var checkpoint = Checkpoint.Open(path);
        var read = new float[6];
        checkpoint.ReadFloats("floats", 0, read);
        Assert.Equal(values.Select(BitConverter.SingleToInt32Bits), read.Select(BitConverter.SingleToInt32Bits));
        var ids = new byte[24];
        checkpoint.ReadBytes("ids", 0, ids);
        Assert.Equal(long.MinValue, BitConverter.ToInt64(ids));
        Assert.Equal("ints I32 [1, 2]", checkpoint.Tensors["ints"].ToString());
        Assert.Empty(checkpoint.Tensors["bytes"].Shape);
        Assert.Equal(0, checkpoint.Tensors["empty"].Count);
        Assert.Equal(5, checkpoint.Tensors.Count);
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Theory]
    [InlineData(TensorType.F16)]
    [InlineData(TensorType.BF16)]
    [InlineData(TensorType.F32)]
    public void Write_StreamedFloats_ReadBackRoundedToNearest(TensorType type)
    {
        using var folder = new TemporaryFolder();
        const int Count = 1_000_003;
        var max = 0;
        SafetensorsWriter.Write(folder["t.safetensors"],
        [
            SafetensorsEntry.FromFloats("t", type, [Count], (start, destination) =>
            {
                max = Math.Max(max, destination.Length);
                for (var i = 0; i < destination.Length; i++)
                {
                    destination[i] = ValueAt(start + i);
                }
            }),
        ]);

        using var checkpoint = Checkpoint.Open(folder["t.safetensors"]);
        var read = new float[Count];
        checkpoint.ReadFloats("t", 0, read);
        for (var i = 0; i < Count; i++)
        {
            Assert.Equal(Round(type, ValueAt(i)), read[i]);
        }

        Assert.InRange(max, 1, 1 << 19);
    }

    [Fact]
    public void Write_CallbackThrows_LeavesTheOldFile()
    {
        using var folder = new TemporaryFolder();
        var path = folder["t.safetensors"];
        File.WriteAllText(path, "old");

        Assert.Throws<InvalidOperationException>(() => SafetensorsWriter.Write(
            path,
            [SafetensorsEntry.FromFloats("t", TensorType.F32, [8], (_, _) => throw new InvalidOperationException())]));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Write_FolderThatDoesNotExist_SaysSo()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder["nowhere"], "t.safetensors");
        var error = Assert.Throws<DirectoryNotFoundException>(
            () => SafetensorsWriter.Write(path, [SafetensorsEntry.From("a", [1f], 1)]));
        Assert.Equal($"The folder of '{path}' does not exist. Create it, or name a file elsewhere.", error.Message);
    }

    [Fact]
    public void Write_NameTwice_SaysWhich()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(
            folder["t"], [SafetensorsEntry.From("a", [1f], 1), SafetensorsEntry.From("a", [1f], 1)]));
        Assert.StartsWith("The name 'a' is already taken. Give each tensor a name of its own.", error.Message);
    }

    private static float ValueAt(long i) => (float)Math.Sin(i) * MathF.ScaleB(1, (int)(i % 40) - 30);

    private static float Round(TensorType type, float value) => type switch
    {
        TensorType.F16 => (float)(Half)value,
        TensorType.BF16 => BFloat16(value),
        _ => value,
    };

    private static float BFloat16(float value)
    {
        var lower = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) & ~0xFFFF);
        var upper = BitConverter.Int32BitsToSingle((BitConverter.SingleToInt32Bits(value) & ~0xFFFF) + 0x10000);
        var difference = Math.Abs((double)value - lower) - Math.Abs((double)value - upper);
        var even = (BitConverter.SingleToInt32Bits(lower) & 0x10000) == 0;
        return difference < 0 || (difference == 0 && even) ? lower : upper;
    }
}
