using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using Slipway.Kernels.Interop;
using Slipway.Kernels.Memory;
using Slipway.Onnx;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Memory;

/// <summary>Pages of weights that kernels hold in another order are let go, and no others.</summary>
public sealed class MappedWeightsTests : IDisposable
{
    private const int Outputs = 2048, Inputs = 2048, Block = 32;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>However the file is reached, and whatever it is called.</summary>
    [Theory]
    [InlineData("weights.data")]
    [InlineData("a weight file (deleted)")]
    [InlineData("two\nlines \\012 of it")]
    public void Open_WeightsInAFile_AreNotResidentTwice(string name)
    {
        SkipWithoutMaps();
        Write(_folder.Path, name);
        using var session = Open(_folder.Path);
        AssertNotResident();
        Run(session);
    }

    [Fact]
    public void Open_FolderIsALink_WeightsAreNotResidentTwice()
    {
        SkipWithoutMaps();
        Directory.CreateDirectory(_folder["blobs"]);
        Write(_folder["blobs"], "weights.data");
        Directory.CreateSymbolicLink(_folder["linked"], _folder["blobs"]);
        using var session = Open(_folder["linked"]);
        AssertNotResident();
        Run(session);
    }

    [Fact]
    public void Open_FileIsGoneMeanwhile_StillComputes()
    {
        SkipWithoutMaps();
        Write(_folder.Path, "weights.data");
        using var session = Open(_folder.Path);
        File.Delete(_folder["weights.data"]);
        Run(session);
    }

    /// <summary>Memory of no file would lose what it holds.</summary>
    [Fact]
    public void Release_MemoryOfNoFile_IsLeftAlone()
    {
        using var buffer = new NativeBuffer(1 << 22);
        buffer.AsSpan<byte>(0, 1 << 22).Fill(7);
        var range = new MemoryRange(buffer.Address, buffer.Address + (1 << 22));
        Assert.Equal(0, MappedWeights.Release([range, new MemoryRange(range.Start + 5000, range.End - 5000)]));
        Assert.False(buffer.AsSpan<byte>(0, 1 << 22).ContainsAnyExcept((byte)7));
    }

    /// <summary>Code and data of libraries are files' too; only code's mapping is told from weights'.</summary>
    [Fact]
    public void Release_CodeOfALibrary_IsLeftAlone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lists what a process has mapped.");
        var code = MemoryMap.Read().First(map => map.Permissions == "r-xp" && map.Inode != 0);
        Assert.Equal(0, MappedWeights.Release([code.Range]));
    }

    [Theory]
    [InlineData("7f00-7f80 rw-p 00001000 fe:00 5349388      /packages/model.onnx.data", "rw-p", 5349388,
        "/packages/model.onnx.data", true)]
    [InlineData("7f00-7f80 r--p 00001000 fe:00 5349388      /a b/c (deleted)", "r--p", 5349388, "/a b/c (deleted)",
        true)]
    [InlineData("7f00-7f80 r-xp 00001000 fe:00 5349388      /lib/libc.so", "r-xp", 5349388, "/lib/libc.so", false)]
    [InlineData("7f00-7f80 rw-s 00001000 fe:00 5349388      /dev/shm/x", "rw-s", 5349388, "/dev/shm/x", false)]
    [InlineData("7f00-7f80 rw-p 00000000 00:00 0 ", "rw-p", 0, "", false)]
    [InlineData("7f00-7f80 rw-p 00000000 00:00 0            [heap]", "rw-p", 0, "[heap]", false)]
    public void Parse_LineOfMaps_TellsWhatLiesThere(string line, string permissions, int inode, string name,
        bool isData)
    {
        var map = MemoryMap.Parse(line)!.Value;
        Assert.Equal(new MemoryRange(0x7f00, 0x7f80), map.Range);
        Assert.Equal((permissions, (ulong)inode, name, isData),
            (map.Permissions, map.Inode, map.Name, map.IsPrivateData));
    }

    [Theory]
    [InlineData("")]
    [InlineData("part of a name with a line's end")]
    [InlineData("zz-7f80 rw-p 00000000 00:00 0")]
    public void Parse_AnotherLine_IsNone(string line) => Assert.Null(MemoryMap.Parse(line));

    private static void SkipWithoutMaps()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lists what a process has mapped.");
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
    }

    private static void Run(InferenceSession session)
    {
        using var options = new RunOptions();
        using var x = OrtValue.CreateTensorValueFromMemory(KernelGraphs.Numbers(1, Inputs), [1, Inputs]);
        using var results = session.Run(options, ["x"], [x], ["y"]);
        Assert.True(results[0].GetTensorDataAsSpan<float>().ContainsAnyExcept(0f));
    }

    // Rss of the file's mappings, as the system counts them.
    private void AssertNotResident()
    {
        var (resident, mapped, inside) = (0L, 0L, false);
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            if (MemoryMap.Parse(line) is { } map)
            {
                inside = map.Name.StartsWith(_folder.Path, StringComparison.Ordinal);
                mapped += inside ? map.Range.Length : 0;
            }
            else if (inside && line.StartsWith("Rss:", StringComparison.Ordinal))
            {
                resident += 1024 * long.Parse(
                    line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            }
        }

        Assert.InRange(mapped, Outputs * Inputs / 2, long.MaxValue);
        Assert.Equal(0, resident);
    }

    private static KernelInferenceSession Open(string folder)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        return KernelLibrary.Open(Path.Combine(folder, "model.onnx"), options, threads: 2, spins: false);
    }

    private static void Write(string folder, string file)
    {
        const int blocks = Inputs / Block;
        long values = Outputs * Inputs / 2, scales = 4L * Outputs * blocks, zeros = Outputs * blocks / 2;
        var graph = new Graph("product");
        graph.AddInput("x", ElementType.Float32, 1, Inputs);
        graph.AddInitializer(new Initializer(
            "values", ElementType.UInt8, [Outputs, blocks, Block / 2], new TensorData.External(file, 0, values)));
        graph.AddInitializer(new Initializer(
            "scales", ElementType.Float32, [Outputs, blocks], new TensorData.External(file, values, scales)));
        graph.AddInitializer(new Initializer(
            "zeros", ElementType.UInt8, [Outputs, blocks / 2], new TensorData.External(file, values + scales, zeros)));
        graph.AddNode(new Node(
            "product", "slipway", "FusedMatMulNBits", ["x", "values", "scales", "zeros", "", "", ""], ["y"],
            [
                new NodeAttribute.Int("N", Outputs), new NodeAttribute.Int("K", Inputs),
                new NodeAttribute.Int("block_size", Block), new NodeAttribute.Float("epsilon", 0),
            ]));
        graph.AddOutput(new GraphValue("y"), ElementType.Float32, 1, Outputs);
        KernelGraphs.Write(graph, Path.Combine(folder, "model.onnx"));
        using var stream = File.Create(Path.Combine(folder, file));
        stream.Write(KernelGraphs.Codes(1, (int)values));
        stream.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(KernelGraphs.Numbers(2,
            (int)(scales / 4))));
        stream.Write(KernelGraphs.Codes(3, (int)zeros));
    }
}
