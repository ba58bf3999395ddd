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
        var memory = process.PeakWorkingSet64 - (before - weights);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{watch.Elapsed.TotalSeconds:f1} s, {process.TotalProcessorTime.TotalSeconds:f1} s of processors, "
            + $"weights {weights >> 20} MiB, before {before >> 20} MiB, peak {process.PeakWorkingSet64 >> 20} MiB, "
            + $"{(double)memory / weights:f2} times the weights beside the runtime, "
            + $"{made.Nodes} nodes");
        Assert.InRange(made.WeightBytes, 1, 1.2 * weights);
        Assert.InRange(memory, weights, 2.5 * weights);
    }

    [Fact(Explicit = true)]
    public void Export_WeightsOverTwoGigabytes_StandBesideTheGraph()
    {
        using LargeTable module = new();
        using Slipway.Testing.TemporaryFolder folder = new();
        var made = OnnxModule.Export(
            module, [randint(0, LargeTable.Rows, [2, 8], generator: new Generator(1))], folder["model.onnx"]);
        Assert.True(made.WeightBytes > 1L << 31);
        Assert.True(new FileInfo(made.DataPath!).Length > 1L << 31);
        Assert.True(new FileInfo(made.Path).Length < 1 << 20);
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 1e-6));
    }

    private sealed class LargeTable : nn.Module<Tensor, Tensor>
    {
        public const long Rows = 270_000;
        private readonly Tensor _table;

        public LargeTable()
            : base(nameof(LargeTable))
        {
            // One row in memory that stands for all.
            _table = randn(1, 2048).expand(Rows, 2048);
            register_buffer("_table", _table);
        }

        public override Tensor forward(Tensor input) => _table.index_select(0, input.reshape(-1)).sum([-1L]);
    }
}
