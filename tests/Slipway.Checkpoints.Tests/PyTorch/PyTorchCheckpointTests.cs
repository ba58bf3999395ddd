using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.PyTorch;

public sealed class PyTorchCheckpointTests
{
    private static readonly float[] Values = [1, -2, 3.5f, 4, 5, 6];

    [Fact]
    public void Open_StateDictionary_ReadsItsTensors()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["config.json"], """{"hidden_size": 3}""");
        File.WriteAllBytes(folder["pytorch_model.bin"], Model().Build());
        using var checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal("pytorch", checkpoint.Format);
        Assert.Equal(["a.weight", "b", "steps"], checkpoint.Tensors.Keys);
        Assert.Equal([2, 3], checkpoint.Tensors["a.weight"].Shape);
        Assert.Equal(Values, CheckpointFiles.Floats(checkpoint, "a.weight"));
        Assert.Equal(TensorType.BF16, checkpoint.Tensors["b"].Type);
        Assert.Equal([1f, 2f], CheckpointFiles.Floats(checkpoint, "b"));
        Assert.Equal([-7f], CheckpointFiles.Floats(checkpoint, "steps"));
        Assert.Equal(3, (int?)checkpoint.Config["hidden_size"]);
    }

    [Fact]
    public void Open_TrainersDictionary_ReadsTheModelInIt()
    {
        using var folder = new TemporaryFolder();
        var zip = new TorchZip().Text("epoch").Write("K\u0003"u8).Text("state_dict").Write("}("u8)
            .Add("a", "FloatStorage", [6], Bytes(Values), 4).Write("u"u8);
        File.WriteAllBytes(folder["run.pt"], zip.Build());
        using var checkpoint = Checkpoint.Open(folder["run.pt"]);

        Assert.Equal(Values, CheckpointFiles.Floats(checkpoint, "a"));
    }

    [Fact]
    public void Open_Shards_ReadsThemThroughTheIndex()
    {
        using var folder = new TemporaryFolder();
        var floats = Bytes(Values);
        File.WriteAllText(folder["config.json"], "{}");
        File.WriteAllBytes(folder["one.bin"], new TorchZip().Add("a", "FloatStorage", [6], floats, 4).Build());
        File.WriteAllBytes(folder["two.bin"], new TorchZip().Add("b", "FloatStorage", [3, 2], floats, 4).Build());
        var index = new JsonObject { ["weight_map"] = new JsonObject { ["a"] = "one.bin", ["b"] = "two.bin" } };
        File.WriteAllText(folder["pytorch_model.bin.index.json"], index.ToJsonString());
        using var checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal([3, 2], checkpoint.Tensors["b"].Shape);
        Assert.Equal(Values, CheckpointFiles.Floats(checkpoint, "b"));
    }

    [Fact]
    public void Open_PickleThatWouldRunCode_RefusesItByName()
    {
        var error = Refuse(new TorchZip().Text("a").Write("cposix\nsystem\n"u8).Text("ls").Write([0x85, (byte)'R']));
        Assert.Equal(
            $"The PyTorch file '{error.Path}' asks for 'posix.system', which no file of plain tensors needs. It is " +
            "refused, since it could run code; use the model's safetensors files.", error.Message);
    }

    [Theory]
    [InlineData("cbuiltins\neval\n", "'builtins.eval'")]
    [InlineData("ctorch\nload\n", "'torch.load'")]
    [InlineData("(i__main__\nX\n", "'0x69'")]
    [InlineData("o", "'0x6F'")]
    [InlineData("I5\n", "'0x49'")]
    [InlineData("u", "has a key without a value")]
    [InlineData("00", "takes a value where there is none")]
    [InlineData("h\u0063", "refers to the value 99")]
    [InlineData("ctorch\nFloatStorage\n)R", "'torch.FloatStorage'")]
    [InlineData("K\u0001)R", "uses '1'")]
    [InlineData("))b", "uses 'Tuple'")]
    public void Open_UnknownInstructionOrName_RefusesIt(string instructions, string expected)
    {
        var error = Refuse(new TorchZip().Text("a").Write(System.Text.Encoding.Latin1.GetBytes(instructions)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_TensorBeyondItsStorage_NamesIt()
    {
        var error = Refuse(new TorchZip().Add("a", "FloatStorage", [7], Bytes(Values), 4));
        Assert.Equal("a", error.Tensor);
        Assert.Equal(
            $"Tensor 'a' of the PyTorch file '{error.Path}' has the shape [7] from element 0 on, but its storage " +
            "'archive/data/0' has 24 bytes. Copy or download it again.", error.Message);
    }

    [Fact]
    public void Open_TransposedTensor_SaysHowToSaveIt()
    {
        var error = Refuse(new TorchZip().Add("a", "FloatStorage", [2, 3], [1, 2], Bytes(Values), 4));
        Assert.Equal(
            $"Tensor 'a' of the PyTorch file '{error.Path}' has the shape [2, 3] with strides [1, 2]; only " +
            "contiguous tensors are read. Save it after '.contiguous()', or use safetensors.", error.Message);
    }

    [Fact]
    public void Open_BigEndianOrCompressed_IsRefused()
    {
        var zip = Model();
        zip.Byteorder = "big";
        Assert.EndsWith(
            "holds big-endian numbers; expected little-endian. Save the model as safetensors on the machine that it "
            + "comes from.",
            Refuse(zip).Message, StringComparison.Ordinal);
        zip = Model();
        zip.Compression = CompressionLevel.Optimal;
        Assert.Contains("compressed", Refuse(zip).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_FormBeforePyTorch16_SaysSo()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["old.pt"], [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46]);
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder["old.pt"]));
        Assert.Contains("PyTorch 1.6", error.Message, StringComparison.Ordinal);
    }

    internal static TorchZip Model() => new TorchZip()
        .Add("a.weight", "FloatStorage", [2, 3], Bytes(Values), 4, isParameter: true)
        .Add("b", "BFloat16Storage", [2], [0x80, 0x3F, 0x00, 0x40], 2)
        .Add("steps", "LongStorage", [], BitConverter.GetBytes(-7L), 8);

    private static byte[] Bytes(float[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private static CheckpointException Refuse(TorchZip zip)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.bin"], zip.Build());
        return Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder["model.bin"]));
    }
}
