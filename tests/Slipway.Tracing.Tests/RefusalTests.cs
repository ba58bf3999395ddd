using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Holds that what a graph cannot express is refused in words, never exported wrongly.</summary>
public sealed class RefusalTests
{
    private static readonly Dictionary<string, (Func<Tensor, object> Forward, string Says)> Untraceable =
        new(StringComparer.Ordinal)
        {
            ["item"] = (x => x * x.sum().item<float>(), "reads the elements"),
            ["cast to a number"] = (x => x * (float)x.mean(), "reads the elements"),
            ["data"] = (x => x * x.cpu().data<float>()[0], "reads the elements"),
            ["branch on data"] = (x => x.sum().item<float>() > 0 ? x * 2 : x, "reads the elements"),
            ["equality"] = (x => x.Equals(x.relu()) ? x : x * 2, "reads the elements"),
            ["branch on a size"] = (x => x.shape[1] > 4 ? x.relu() : x.sigmoid(), "path depends on the sizes"),
            ["loop over a dynamic axis"] = (
                x =>
                {
                    var sum = zeros(x.shape[0], 6);
                    for (var row = 0; row < x.shape[1]; row++)
                    {
                        sum = sum + x[.., row];
                    }

                    return sum;
                }, "path depends on the sizes"),
            ["threshold on a size"] = (x => x * (x.shape[1] > 4 ? 2 : 1), "no expression"),
            ["table by size"] = (x => x.narrow(1, 0, Math.Min(x.shape[1], 4)), "no expression"),
            ["random numbers"] = (x => x + randn_like(x), "Random numbers"),
            ["rand"] = (x => x + rand(6), "Random numbers"),
            ["dropout that trains"] = (x => nn.functional.dropout(x, 0.5, training: true), "Dropout"),
            ["random in place"] = (x => x.clone().uniform_(0, 1), "Random numbers"),
            ["nonzero"] = (x => x.nonzero(), "depends on the elements"),
            ["mask as an index"] = (x => x[x > 0], "depends on data"),
            ["unique"] = (x => x.unique().output, "depends on the elements"),
            ["async"] = (x => AddLater(x).Result, "other threads"),
            ["thread"] = (
                x =>
                {
                    Tensor? y = null;
                    var thread = new Thread(() => y = x * 2);
                    thread.Start();
                    thread.Join();
                    return y!;
                }, "other threads"),
            ["parallel"] = (
                x =>
                {
                    var parts = new Tensor[3];
                    Parallel.For(0, 3, index => parts[index] = x * index);
                    return cat(parts, 0);
                }, "other threads"),
            ["write into the input"] = (x => x.add_(1), "writes into its input"),
            ["complex numbers"] = (x => fft.rfft(x), "has no form"),
            ["no form"] = (x => x.lgamma(), "ONNX has no such function"),
            ["decomposition"] = (x => linalg.svd(x).Item2, "no such decomposition"),
            ["matrix inverse"] = (x => linalg.inv(x.matmul(x.mT) + eye(x.shape[1])), "no such decomposition"),
            ["constant from numbers that were read out of sight"] = (
                x => x * Hidden.Scale(x), "tracing did not see"),
            ["count of runs"] = (x => x * ++_runs, "no expression"),
            ["out argument"] = (x => x.amax([1], false, empty(0)), "out:"),
            ["sum of elements in C#"] = (x => x * x.data<float>().ToArray().Sum(), "reads the elements"),
            ["tensor made from elements"] = (
                x => x + tensor(x.cpu().data<float>().ToArray()).sum(), "reads the elements"),
            ["while over data"] = (
                x =>
                {
                    while (x.max().item<float>() > 1)
                    {
                        x = x / 2;
                    }

                    return x;
                }, "reads the elements"),
            ["task"] = (x => Task.Run(() => x * 2).Result, "other threads"),
            ["LINQ over a dynamic axis"] = (
                x => Enumerable.Range(0, (int)x.shape[1]).Select(row => x[.., row]).Aggregate((a, b) => a + b),
                "path depends on the sizes"),
            ["split by a dynamic count"] = (x => cat(x.unbind(1).Take(3).ToArray(), -1), "path depends on the sizes"),
            ["loss"] = (x => nn.functional.poisson_nll_loss(x, x * 2), "This loss has no form"),
        };

    private static int _runs;

    private static readonly OnnxModuleOptions Rows = new()
    {
        DynamicAxes = { { "input", 1, new DynamicAxis("rows", 1, 9) } },
    };

    public static TheoryData<string> Names => [.. Untraceable.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_Untraceable_SaysWhy(string name)
    {
        var (forward, says) = Untraceable[name];
        using var module = Constructs.Of(forward);
        var refusal = Assert.Throws<UntraceableModuleException>(
            () => Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))], Rows));
        Assert.Contains(says, refusal.Message, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(refusal.Message);
    }

    [Fact]
    public void Export_Untraceable_NamesTheModuleTheMethodAndTheLine()
    {
        using Refusing module = new();
        var refusal = Assert.Throws<UntraceableModuleException>(() => Traced.Export(module, [randn(2, 6)]));
        Assert.Equal("_inner", refusal.ModulePath);
        Assert.Equal("Part.forward", refusal.Method);
        Assert.EndsWith("RefusalTests.cs", refusal.File, StringComparison.Ordinal);
        Assert.True(refusal.Line > 0);
        Assert.Contains($"line {refusal.Line} of 'RefusalTests.cs'", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(20)]
    [InlineData(100)]
    public void Export_ThresholdOnASize_IsFoundWhereverItLies(int threshold)
    {
        using var module = Constructs.Of(x => x * (x.shape[1] > threshold ? 2 : 1));
        _ = Assert.Throws<UntraceableModuleException>(() => Traced.Export(
            module, [randn([2, 3, 6], generator: new Generator(1))],
            new OnnxModuleOptions { DynamicAxes = { { "input", 1, new DynamicAxis("rows") } } }));
    }

    [Theory]
    [InlineData(30)]
    [InlineData(900)]
    public void Export_ThresholdBelowTheDeclaredMaximum_IsFound(int threshold)
    {
        using var module = Constructs.Of(x => x.shape[1] > threshold ? x.relu() : x);
        _ = Assert.Throws<UntraceableModuleException>(() => Traced.Export(
            module, [randn([2, 3, 6], generator: new Generator(1))],
            new OnnxModuleOptions { DynamicAxes = { { "input", 1, new DynamicAxis("rows", Max: 1000) } } }));
    }

    [Fact]
    public void Export_NoTensors_SaysWhatCameBack()
    {
        using var module = Constructs.Of(x => "text");
        var refusal = Assert.Throws<UntraceableModuleException>(() => Traced.Export(module, [randn(2, 3, 6)]));
        Assert.Contains("returned no tensors, but String", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_FixedBatch_IsRefusedWithTheSizes()
    {
        using var module = Constructs.Of(x => x.view(2, 18));
        var refusal = Assert.Throws<ArgumentException>(
            () => Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))]));
        Assert.Contains("does not run at batch=", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("'DynamicBatch = false'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_SizeThatDisappearsAtOne_IsFoundByTheProof()
    {
        using var module = Constructs.Of(x => x.squeeze());
        var refusal = Assert.Throws<UntraceableModuleException>(
            () => Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))], Rows));
        Assert.Contains("the number of axes of a tensor", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_RejectedExample_SaysSo()
    {
        using var module = Constructs.Of(x => x.view(7, 7));
        var refusal = Assert.Throws<ArgumentException>(() => Traced.Export(module, [randn(2, 3, 6)]));
        Assert.Contains("rejects the example itself", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_DisposedInput_SaysSo()
    {
        using var module = Constructs.Of(x => x);
        var input = randn(2, 3, 6);
        input.Dispose();
        var refusal = Assert.Throws<ArgumentException>(() => Traced.Export(module, [input]));
        Assert.Contains("is disposed", refusal.Message, StringComparison.Ordinal);
    }

    private static async Task<Tensor> AddLater(Tensor x)
    {
        await Task.Yield();
        return x + 1;
    }

    private sealed class Part() : nn.Module<Tensor, Tensor>(nameof(Part))
    {
        public override Tensor forward(Tensor input) => input * input.sum().item<float>();
    }

    private sealed class Refusing : nn.Module<Tensor, Tensor>
    {
        private readonly Part _inner = new();

        public Refusing()
            : base(nameof(Refusing)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _inner.call(input.relu());
    }

    // A type of the framework calls back, which tracing does not follow.
    private sealed class Hidden(Tensor x) : IFormattable
    {
        private Tensor? _scale;

        public static Tensor Scale(Tensor x)
        {
            Hidden hidden = new(x);
            _ = string.Format(System.Globalization.CultureInfo.InvariantCulture, "{0}", hidden);
            return hidden._scale!;
        }

        public string ToString(string? format, IFormatProvider? provider)
        {
            _scale = x.sum();
            return "";
        }
    }
}
