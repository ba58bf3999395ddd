using System.Diagnostics;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Measures, by hand, what an export of a module of 124 million parameters costs.</summary>
public sealed class CostTests
{
    [Fact(Explicit = true)]
    public void Export_Gpt2Shape_CostsSecondsAndTwiceItsWeights()
    {
        using Gpt model = new(50257, 768, 12, 12, 1024);
        var weights = model.parameters().Sum(weight => weight.numel() * 4);
        using var process = Process.GetCurrentProcess();
        var before = Environment.WorkingSet;
        var watch = Stopwatch.StartNew();
        var made = Traced.Export(model, [randint(0, 50257, [1, 8], generator: new Generator(1))], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 1024) } },
        });
        process.Refresh();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{watch.Elapsed.TotalSeconds:f1} s, {process.TotalProcessorTime.TotalSeconds:f1} s of processors, "
            + $"weights {weights >> 20} MiB, before {before >> 20} MiB, peak {process.PeakWorkingSet64 >> 20} MiB, "
            + $"{made.Nodes} nodes");
        Assert.InRange(made.WeightBytes, 1, 1.2 * weights);
    }
}
