using Slipway.Testing;

namespace Slipway.Packaging.Tests;

public sealed class ExternalDataFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Names stand at initializers, at attributes of nodes, and in graphs within nodes.</summary>
    [Fact]
    public void Read_NamesAtAllPlaces_AreFoundOnce()
    {
        var subgraph = Field(5, Tensor("inner.data"));
        var node = Field(5, [.. Field(5, Tensor("attribute.data")), .. Field(6, subgraph)]);
        byte[] graph =
        [
            .. Field(2, "name"u8), .. Field(5, Tensor("weights.data")), .. Field(5, Tensor("weights.data")),
            .. Field(5, Field(9, new byte[100_000])), .. Field(1, node),
        ];
        Assert.Equal(
            ["attribute.data", "inner.data", "weights.data"],
            Read([.. Number(1, 10), .. Field(7, graph), .. Field(8, [8, 21])]));
    }

    [Fact]
    public void Read_GraphWithoutExternalData_NamesNone()
        => Assert.Empty(Read([.. Number(1, 10), .. Field(7, Field(5, Field(9, new byte[64])))]));

    [Theory]
    [InlineData(new byte[] { 0x3A, 0x7F }, "A field of 127 bytes reaches beyond its message.")]
    [InlineData(new byte[] { 0x3A }, "The file ends within a number.")]
    [InlineData(new byte[] { 0x3B }, "A field has the unknown kind 3.")]
    [InlineData(new byte[] { 0x09, 1 }, "A field reaches beyond its message.")]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 },
        "A number has more than 64 bits.")]
    public void Read_NoGraph_IsRefused(byte[] content, string expected)
        => Assert.EndsWith(
            $"is not valid: {expected} Copy or export the package again.",
            Assert.Throws<PackageException>(() => Read(content)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_MessagesNestedDeep_AreRefused()
    {
        byte[] graph = [];
        for (var depth = 0; depth < 200; depth++)
        {
            graph = Field(1, Field(5, Field(6, graph)));
        }

        Assert.Contains(
            "Its messages are nested deeper than 100.",
            Assert.Throws<PackageException>(() => Read(Field(7, graph))).Message, StringComparison.Ordinal);
    }

    private static byte[] Tensor(string file) =>
        [
            .. Field(8, "tensor"u8),
            .. Field(13, [.. Field(1, "location"u8), .. Field(2, System.Text.Encoding.UTF8.GetBytes(file))]),
            .. Field(13, [.. Field(1, "offset"u8), .. Field(2, "4096"u8)]),
        ];

    private static byte[] Number(int field, byte value) => [(byte)(field << 3), value];

    private static byte[] Field(int field, ReadOnlySpan<byte> content)
    {
        var bytes = new List<byte> { (byte)((field << 3) | 2) };
        var length = content.Length;
        for (; length >= 0x80; length >>= 7)
        {
            bytes.Add((byte)(length | 0x80));
        }

        return [.. bytes, (byte)length, .. content];
    }

    private IReadOnlyList<string> Read(byte[] content)
    {
        File.WriteAllBytes(_folder["model.onnx"], content);
        return ExternalDataFiles.Read(_folder["model.onnx"]);
    }
}
