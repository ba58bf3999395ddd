using System.Text;
using Slipway.Checkpoints.Tests.Gguf;
using Slipway.Checkpoints.Tests.TorchSharp;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests;

// What each kind of damage is answered with, word for word; HostileInputTests damages files at random.
public sealed class DamagedFileTests : IDisposable
{
    private const string TwoTensors =
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""" +
        ""","b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, "ends at byte 0, inside the number of tensors", null)]
    [InlineData(8, "states 2 tensors, more than its 8 bytes can hold", null)]
    [InlineData(20, "ends at byte 20, inside tensor 'a.b' of shape [2, 3]: 24 bytes from 9 on", "a.b")]
    [InlineData(34, "ends at byte 34, inside the name of entry 1", null)]
    [InlineData(37, "ends at byte 37, inside the shape of tensor 'c'", "c")]
    public void Open_TruncatedTorchSharp_NamesByteAndTensor(int length, string problem, string? tensor) =>
        AssertRefused("TorchSharp", "model.dat", TorchSharp()[..length], problem, tensor);

    [Theory]
    [InlineData(0, 9, "states 9 tensors, more than its 33 bytes can hold", null)]
    [InlineData(0, 0, "has 32 bytes after its last tensor", null)]
    [InlineData(1, 0, "gives entry 0 a name of 0 bytes; expected 1 to 65536", null)]
    [InlineData(2, 0xFF, "has the name of entry 0 that is not valid UTF-8", null)]
    [InlineData(6, 40, "gives tensor 'a.b' 40 dimensions; at most 32 are supported", "a.b")]
    [InlineData(7, 3, "ends at byte 33, inside tensor 'a.b' of shape [3, 3]: 36 bytes from 9 on", "a.b")]
    public void Open_AlteredTorchSharp_NamesValueAndTensor(int at, byte value, string problem, string? tensor)
    {
        var bytes = TorchSharpBytes.Of(("a.b", 6, [2, 3], new byte[24]));
        bytes[at] = value;
        AssertRefused("TorchSharp", "model.dat", bytes, problem, tensor);
    }

    [Fact]
    public void Open_TorchSharpOfAnotherType_NamesTheSupported() => AssertRefused(
        "TorchSharp",
        "model.dat",
        TorchSharpBytes.Of(("a", 8, [1], new byte[4])),
        "gives tensor 'a' the scalar type 8; supported are 0 (U8), 1 (I8), 2 (I16), 3 (I32), 4 (I64), 5 (F16), 6 "
        + "(F32), 7 (F64), 11 (BOOL), 15 (BF16)",
        "a",
        "Convert the tensor to one of these before it is saved.");

    [Theory]
    [InlineData(5, "has 5 bytes, too few for the 8 bytes of a header length", null)]
    [InlineData(20, "ends at byte 20, inside its header of HEADER bytes", null)]
    [InlineData(-1, "places tensor 'b' at bytes 8 to 16 of its data, which has 15", "b")]
    public void Open_TruncatedSafetensors_NamesByteAndTensor(int length, string problem, string? tensor)
    {
        var bytes = Safetensors(TwoTensors);
        AssertRefused(
            "safetensors",
            "model.safetensors",
            bytes[..(length < 0 ? bytes.Length + length : length)],
            problem.Replace("HEADER", $"{TwoTensors.Length}", StringComparison.Ordinal),
            tensor);
    }

    [Theory]
    [InlineData("\"b\"", "\"a\"", "lists tensor 'a' twice", "a")]
    [InlineData("[2]", "[3]", "gives tensor 'a' 8 bytes; its shape [3] of type F32 takes 12", "a")]
    [InlineData("[8,16]", "[4,12]", "has a tensor 'b' that overlaps tensor 'a'", "b")]
    [InlineData("[0,8]", "[0,-8]", "has a 'data_offsets' of tensor 'a' that is not a list of whole numbers", "a")]
    [InlineData("\"shape\"", "\"form\"", "must state 'dtype', 'shape' and two 'data_offsets' of tensor 'a'", "a")]
    [InlineData(
        ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}",
        "",
        "has 8 bytes after tensor 'a' that belong to no tensor",
        null)]
    public void Open_AlteredSafetensors_NamesValueAndTensor(string old, string altered, string problem, string? tensor)
    {
        var at = TwoTensors.IndexOf(old, StringComparison.Ordinal);
        var header = string.Concat(TwoTensors.AsSpan(0, at), altered, TwoTensors.AsSpan(at + old.Length));
        AssertRefused("safetensors", "model.safetensors", Safetensors(header), problem, tensor);
    }

    [Fact]
    public void Open_SafetensorsOfAnotherType_NamesTheSupported()
    {
        var error = Refused(
            "model.safetensors", Safetensors(TwoTensors.Replace("F32", "C64", StringComparison.Ordinal)));
        Assert.Equal(
            $"Tensor 'a' in '{_folder["model.safetensors"]}' has the unknown dtype 'C64'. Expected one of F64, F32, "
            + "F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, I64, U64, I32, U32, I16, U16, I8, U8, BOOL; convert the tensor to "
            + "one of them.",
            error.Message);
        Assert.Equal("a", error.Tensor);
    }

    [Theory]
    [InlineData(6, "ends at byte 6, inside its version")]
    [InlineData(100, "states 4 tensors, more than its 100 bytes can hold")]
    public void Open_TruncatedGguf_NamesTheByte(int length, string problem) =>
        AssertRefused("GGUF", "model.gguf", TinyGguf.Llama().Build()[..length], problem, null);

    [Fact]
    public void Open_GgufThatEndsInATensor_NamesIt()
    {
        var whole = new GgufBuilder("llama").AddFloats("a", [8], new float[8]).AddFloats("b", [8, 4], new float[32])
            .Build();
        AssertRefused(
            "GGUF",
            "model.gguf",
            whole[..^4],
            $"ends at byte {whole.Length - 4}, inside tensor 'b' of shape [4, 8], which ends at {whole.Length}",
            "b");
    }

    [Theory]
    [InlineData(4, 9, "has the version 9; expected 2 or 3", null)]
    [InlineData(8, 200, "states 200 tensors, more than its LENGTH bytes can hold", null)]
    [InlineData(16, 200, "states 200 metadata entries, more than its LENGTH bytes can hold", null)]
    public void Open_AlteredGguf_NamesTheValue(int at, byte value, string problem, string? tensor)
    {
        var bytes = new GgufBuilder("llama").AddFloats("a", [8], new float[8]).Build();
        bytes[at] = value;
        AssertRefused(
            "GGUF", "model.gguf", bytes, problem.Replace("LENGTH", $"{bytes.Length}", StringComparison.Ordinal),
            tensor);
    }

    private static byte[] TorchSharp() =>
        TorchSharpBytes.Of(("a.b", 6, [2, 3], new byte[24]), ("c", 5, [4], new byte[8]));

    private static byte[] Safetensors(string header) =>
        [.. BitConverter.GetBytes((long)header.Length), .. Encoding.UTF8.GetBytes(header), .. new byte[16]];

    private void AssertRefused(string format, string file, byte[] content, string problem, string? tensor,
        string remedy = "Copy or download it again.")
    {
        var error = Refused(file, content);
        Assert.Equal($"The {format} file '{_folder[file]}' {problem}. {remedy}", error.Message);
        Assert.Equal((_folder[file], tensor), (error.Path, error.Tensor));
    }

    private CheckpointException Refused(string file, byte[] content)
    {
        File.WriteAllBytes(_folder[file], content);
        return Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder[file]).Dispose());
    }
}
