using Slipway.Tracing.Tests.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Tests;

/// <summary>Holds what is proven of modules in 16 bits, and which side is wrong where libtorch may be.</summary>
[Collection(nameof(Alone))]
public sealed class PrecisionTests
{
    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    public void Export_In16Bits_IsProvenInSingle(ScalarType type)
    {
        using Gpt model = new();
        model.to(type);
        var before = Snapshot(model);
        var made = Traced.Export(model, [Ids()], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
        });
        Assert.All(made.OutputsInSingle!, output => Assert.InRange(output.Relative, 0, 1e-5));
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 3e-2));
        RequireSame(model, before);
    }

    [Fact]
    public void Export_In16BitsWithLayersOfLibtorch_GivesThemBack()
    {
        using Recurrent model = new();
        model.to(ScalarType.BFloat16);
        var before = Snapshot(model);
        var made = Traced.Export(model, [randint(0, 20, [2, 5], generator: new Generator(1))], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, "sequence" } },
        });
        Assert.All(made.OutputsInSingle!, output => Assert.InRange(output.Relative, 0, 1e-4));
        RequireSame(model, before);
    }

    [Fact]
    public void Export_In16BitsWithConversionsOfItsOwn_IsProvenInItsTypeAlone()
    {
        using var module = Constructs.Of(x => x.to(ScalarType.Float16).matmul(x.mT));
        var made = Traced.Export(module, [randn([2, 3, 6], ScalarType.Float16, generator: new Generator(1))]);
        Assert.Null(made.OutputsInSingle);
        Assert.Contains(made.Warnings, warning => warning.Contains(
            "in its own type alone", StringComparison.Ordinal));
    }

    [Fact]
    public void Export_ModuleWrongInItsType_SaysThatTheModuleIsWrong()
    {
        OnnxOperations.Add(
            typeof(PrecisionTests).GetMethod(nameof(Sloppy))!,
            call => [call.Node("Identity", [call.Tensor("x").Value])]);
        using Recurrent model = new(Sloppy);
        var before = Snapshot(model);
        var made = Traced.Export(model, [randint(0, 20, [2, 5], generator: new Generator(1))]);
        Assert.Contains(made.Warnings, warning => warning.Contains(
            "the module itself is wrong in 'output' by 0.001 of its scale, as its run in float64 shows",
            StringComparison.Ordinal));
        RequireSame(model, before);
    }

    [Fact]
    public void Export_GraphWrong_SaysHowFarInDouble()
    {
        OnnxOperations.Add(
            typeof(PrecisionTests).GetMethod(nameof(Doubled))!,
            call => [call.Node("Identity", [call.Tensor("x").Value])]);
        using Recurrent model = new(Doubled);
        var before = Snapshot(model);
        var failure = Assert.Throws<ModuleMismatchException>(
            () => Traced.Export(model, [randint(0, 20, [2, 5], generator: new Generator(1))]));
        Assert.Contains("in float64 the graph is off by 0.5", failure.Message, StringComparison.Ordinal);
        Assert.Contains("'Doubled' by", failure.Message, StringComparison.Ordinal);
        RequireSame(model, before);
    }

    // Computes inexactly in single precision alone, as libtorch's fused layers do on some processors.
    public static Tensor Sloppy(Tensor x) => x.dtype == ScalarType.Float32 ? x * 1.001 : x * 1;

    public static Tensor Doubled(Tensor x) => x * 2;

    private static Tensor Ids() => randint(0, 61, [2, 8], generator: new Generator(1));

    private static Memory[] Snapshot(nn.Module module)
        => [.. module.named_parameters().Select(item => new Memory(
            item.name, item.parameter, Slipway.Tracing.Recording.TensorMemory.Pointer(item.parameter),
            item.parameter.detach().clone(), item.parameter.grad?.clone()))];

    // The same objects on the same memory, with the same type, elements and gradients.
    private static void RequireSame(nn.Module module, Memory[] before)
    {
        var now = module.named_parameters().ToArray();
        Assert.Equal(before.Select(item => item.Name), now.Select(item => item.name));
        foreach (var ((name, parameter), memory) in now.Zip(before))
        {
            Assert.True(
                module is Recurrent || ReferenceEquals(memory.Parameter, parameter), $"'{name}' is another object.");
            Assert.Equal(memory.Pointer, Slipway.Tracing.Recording.TensorMemory.Pointer(parameter));
            Assert.Equal(memory.Elements.dtype, parameter.dtype);
            Assert.True(memory.Elements.equal(parameter.detach()).all().item<bool>(), name);
            Assert.True(parameter.requires_grad && parameter.is_leaf);
            Assert.Equal(memory.Gradient is null, parameter.grad is null);
            Assert.True(memory.Gradient is null || memory.Gradient.equal(parameter.grad!).all().item<bool>(), name);
        }
    }

    private sealed record Memory(string Name, Tensor Parameter, nint Pointer, Tensor Elements, Tensor? Gradient);

    // Layers that libtorch holds itself, beside one that shares a weight with one of them, and gradients.
    private sealed class Recurrent : Module<Tensor, Tensor>
    {
        private readonly Embedding _tokens = Embedding(20, 8);
        private readonly GRU _layer = GRU(8, 8, batchFirst: true);
        private readonly Linear _head = Linear(8, 20, hasBias: false);
        private readonly Func<Tensor, Tensor>? _last;

        public Recurrent(Func<Tensor, Tensor>? last = null)
            : base(nameof(Recurrent))
        {
            _last = last;
            _head.weight = _tokens.weight!;
            RegisterComponents();
            if (last is not null)
            {
                call(zeros([1, 2], ScalarType.Int64)).sum().backward();
            }
        }

        public override Tensor forward(Tensor input)
        {
            var y = _head.call(_layer.call(_tokens.call(input)).Item1);
            return _last is null ? y : _last(y);
        }
    }
}
