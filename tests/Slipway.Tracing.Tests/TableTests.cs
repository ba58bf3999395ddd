using System.Diagnostics;
using System.Globalization;
using Slipway.Tracing.Tests.Modules;
using Slipway.Tracing.Tests.Modules.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Prints, by hand, what exports of networks cost: difference, nodes, seconds and memory.</summary>
[Collection(nameof(Alone))]
public sealed class TableTests
{
    private const string Status = "/proc/self/status";
    private const string Reset = "/proc/self/clear_refs";

    [Fact(Explicit = true)]
    public void Export_Networks_PrintsTheTable()
    {
        Print("| network | weights | difference | nodes | seconds | processor seconds | peak above the start |");
        Print("|---|---|---|---|---|---|---|");
        foreach (var (name, (make, size)) in TorchVisionTests.Networks)
        {
            Row(name, make, () => [randn(1, 3, size, size, generator: new torch.Generator(1))], [
                ("input", 0, new DynamicAxis("batch", 1, 8))]);
        }

        Row("GPT-2", () => new Gpt(50257, 768, 12, 12, 1024), () => [Case.Ids(1, 8)], [
            ("input", 1, new DynamicAxis("sequence", 1, 1024))]);
        foreach (var (name, (make, example, axes)) in NetworkTests.All)
        {
            Row(name, make, example, axes);
        }
    }

    private static void Row(
        string name, Func<nn.Module> make, Func<Tensor[]> example, (string Input, int Axis, DynamicAxis Size)[] axes)
    {
        using var scope = NewDisposeScope();
        using var network = make();
        DynamicAxes dynamic = [];
        Array.ForEach(axes, axis => dynamic.Add(axis.Input, axis.Axis, axis.Size));
        var inputs = example();
        var weights = network.parameters().Sum(weight => weight.numel() * weight.element_size());
        GC.Collect();
        File.WriteAllText(Reset, "5");
        var before = Memory("VmRSS");
        using var process = Process.GetCurrentProcess();
        var (watch, processors) = (Stopwatch.StartNew(), process.TotalProcessorTime);
        var made = Traced.Export(network, inputs, new OnnxModuleOptions
        {
            InputNames = inputs.Length == 1 ? ["input"] : null, DynamicAxes = dynamic,
        });
        process.Refresh();
        var relative = made.Outputs.Max(output => output.Relative);
        Assert.InRange(relative, 0, 2e-5);
        var (peak, seconds) = (Memory("VmHWM") - before, (process.TotalProcessorTime - processors).TotalSeconds);
        Print(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {weights / 1e6:f1} MB | {relative:g2} | {made.Nodes} | {watch.Elapsed.TotalSeconds:f1} | "
            + $"{seconds:f1} | {peak / 1e6:f0} MB |"));
    }

    // Bytes, of a line such as 'VmHWM:  1024 kB'.
    private static long Memory(string name)
        => 1024 * long.Parse(
            File.ReadLines(Status).First(line => line.StartsWith(name, StringComparison.Ordinal))
                .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
