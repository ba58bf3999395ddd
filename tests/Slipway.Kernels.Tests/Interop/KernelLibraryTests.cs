using Slipway.Kernels.Interop;
using Slipway.Kernels.Threading;
using Slipway.Onnx;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Interop;

/// <summary>Sessions share threads, which end with the last of them.</summary>
public sealed class KernelLibraryTests : IDisposable
{
    private const int Threads = 57;
    private readonly TemporaryFolder _folder = new();

    public KernelLibraryTests()
        => Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_SessionsAreClosed_TheirThreadsEnd()
    {
        var first = KernelGraphs.Open(Graph(), _folder, Threads);
        var second = KernelGraphs.Open(Graph(), _folder, Threads);
        var pool = KernelThreads.Rent(Threads, spins: true);
        pool.Return();
        first.Dispose();
        Assert.Equal(Threads - 1, pool.LiveThreads);
        second.Dispose();
        Assert.Equal(0, pool.LiveThreads);
    }

    /// <summary>A session that was not opened has no share.</summary>
    [Fact]
    public void Open_GraphIsRefused_ReturnsItsShare()
    {
        var pool = KernelThreads.Rent(Threads - 1, spins: true);
        Assert.ThrowsAny<Exception>(() => KernelGraphs.Open(Graph(outputs: 7), _folder, Threads - 1));
        pool.Return();
        Assert.Equal(0, pool.LiveThreads);
    }

    private static Graph Graph(int outputs = 16)
    {
        var graph = new Graph("product");
        graph.AddInput("x", ElementType.Float32, 1, 32);
        graph.AddInitializer(KernelGraphs.Constant(
            "values", ElementType.UInt8, [16, 1, 16], KernelGraphs.Codes(1, 256)));
        graph.AddInitializer(KernelGraphs.Constant(
            "scales", ElementType.Float32, [16, 1], KernelGraphs.Numbers(2, 16)));
        graph.AddNode(new Node(
            "product", "slipway", "FusedMatMulNBits", ["x", "values", "scales", "", "", "", ""], ["y"],
            [
                new NodeAttribute.Int("N", outputs), new NodeAttribute.Int("K", 32),
                new NodeAttribute.Int("block_size", 32), new NodeAttribute.Float("epsilon", 0),
            ]));
        graph.AddOutput(new GraphValue("y"), ElementType.Float32, 1, 16);
        return graph;
    }
}
