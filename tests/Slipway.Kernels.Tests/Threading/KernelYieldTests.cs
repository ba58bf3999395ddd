using Microsoft.ML.OnnxRuntime;
using Slipway.Kernels.Interop;
using Slipway.Kernels.Threading;
using Slipway.Onnx;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Threading;

public sealed class KernelYieldTests : IDisposable
{
    private const int Size = 32;
    private readonly TemporaryFolder _folder = new();
    private readonly InferenceSession _session;

    public KernelYieldTests()
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");

        // Two kernels, one after the other.
        var graph = new Graph("products");
        graph.AddInput("x", ElementType.Float32, 1, Size);
        graph.AddInitializer(KernelGraphs.Constant("codes", ElementType.UInt8, [Size, 1, 16],
            KernelGraphs.Codes(1, Size * 16)));
        graph.AddInitializer(KernelGraphs.Constant("scales", ElementType.Float32, [Size, 1],
            KernelGraphs.Numbers(2, Size)));
        Add("x", "middle");
        Add("middle", "y");
        graph.AddOutput(new GraphValue("y"), ElementType.Float32, 1, Size);
        _session = KernelGraphs.Open(graph, _folder);

        void Add(string from, string to) => graph.AddNode(new Node(
            to, "slipway", "FusedMatMulNBits", [from, "codes", "scales", "", "", "", ""], [to],
            [
                new NodeAttribute.Int("N", Size), new NodeAttribute.Int("K", Size),
                    new NodeAttribute.Int("block_size", Size),
                new NodeAttribute.Float("epsilon", 0),
            ]));
    }

    public void Dispose()
    {
        _session?.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Enable_OffersABreakBeforeEachKernelUntilItEnds()
    {
        var breaks = 0;
        using (KernelYield.Enable(() => breaks++))
        {
            Run(1);
            Assert.Equal(2, breaks);
        }

        Run(1);
        Assert.Equal(2, breaks);
    }

    /// <summary>
    /// The same session runs in a break, both give what they give alone, and the run in the break has none.
    /// </summary>
    [Fact]
    public void YieldPoint_AnotherRunInABreak_LeavesBothAsTheyAre()
    {
        var (expected, other) = (Run(1), Run(2));
        var between = new List<float[]>();
        using (KernelYield.Enable(() => between.Add(Run(2))))
        {
            Assert.Equal(expected, Run(1));
        }

        Assert.Equal(2, between.Count);
        Assert.All(between, given => Assert.Equal(other, given));
    }

    [Fact]
    public void YieldPoint_TheBreakFails_FailsTheRunWithItsMessage()
    {
        using (KernelYield.Enable(() => throw new InvalidOperationException("fault in a break")))
        {
            Assert.Contains("fault in a break", Assert.Throws<OnnxRuntimeException>(() => Run(1)).Message);
        }

        Run(1);
    }

    private float[] Run(int seed)
    {
        using var x = OrtValue.CreateTensorValueFromMemory(KernelGraphs.Numbers(seed, Size), [1, Size]);
        using var options = new RunOptions();
        using var results = _session.Run(options, ["x"], [x], ["y"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }
}
