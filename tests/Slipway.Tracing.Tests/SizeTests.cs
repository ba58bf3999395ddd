using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Exports modules that take several inputs, and sizes with limits.</summary>
public sealed class SizeTests
{
    [Fact]
    public void Export_TwoInputsOfOneLength_ShareTheSize()
    {
        using TwoInputs module = new();
        var made = Traced.Export(
            module, [randint(0, 9, [2, 5], generator: new Generator(1)), ones(2, 5), 3], new OnnxModuleOptions
            {
                InputNames = ["input_ids", "attention_mask"], OutputNames = ["logits", "length"],
                DynamicAxes =
                {
                    { "input_ids", 1, new DynamicAxis("sequence", Max: 64) }, { "attention_mask", 1, "sequence" },
                },
            });
        Assert.Equal(["input_ids", "attention_mask"], made.Inputs);
        Assert.Equal(["logits", "length"], made.Outputs.Select(output => output.Name));
        Assert.Contains(made.ProvenSizes, sizes => sizes["sequence"] == 64);
    }

    [Fact]
    public void Export_TwoLengths_AreTwoSizes()
    {
        using CrossAttention module = new();
        var made = Traced.Export(
            module, [randn([2, 5, 4], generator: new Generator(1)), randn([2, 7, 4], generator: new Generator(2))],
            new OnnxModuleOptions
            {
                DynamicAxes =
                {
                    { "queries", 1, new DynamicAxis("new") }, { "keys", 1, new DynamicAxis("past") },
                },
            });
        Assert.True(made.ProvenSizes.Count >= 4);
    }

    [Fact]
    public void Export_SizeWithAMultiple_IsTriedAtMultiples()
    {
        using var module = Constructs.Of(x => x.view(x.shape[0], x.shape[1] / 4, 4, 6).sum(2));
        var made = Traced.Export(module, [randn([2, 8, 6], generator: new Generator(1))], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, new DynamicAxis("rows", 4, 64, 4) } },
        });
        Assert.All(made.ProvenSizes, sizes => Assert.Equal(0, sizes["rows"] % 4));
    }

    [Fact]
    public void Export_RoundedHalf_IsComputedInTheGraph()
    {
        using var module = Constructs.Of(x => x[.., ..(int)(x.shape[1] / 2 * 2)]);
        var made = Traced.Export(module, [randn([2, 8, 6], generator: new Generator(1))], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, new DynamicAxis("rows", 2) } },
        });
        Assert.True(made.ProvenSizes.Count >= 4);
    }

    [Fact]
    public void Export_TableThatEnds_IsRefusedAtTheDeclaredMaximum()
    {
        using Gpt model = new(context: 16);
        _ = Assert.Throws<ArgumentException>(() => Traced.Export(
            model, [randint(0, 61, [2, 8], generator: new Generator(1))], new OnnxModuleOptions
            {
                DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
            }));
    }

    [Theory]
    [InlineData(12)]
    [InlineData(1)]
    public void Export_NoSizeThatVaries_StillVariesTheElements(long seed)
    {
        using var module = Constructs.Of(x => x.relu() * 2);
        var made = Traced.Export(
            module, [randn([2, 3], generator: new Generator((ulong)seed))],
            new OnnxModuleOptions { DynamicBatch = false });
        Assert.Equal(2, made.Nodes);
    }

    [Fact]
    public void Export_EightNamedSizes_TellsThemApart()
    {
        using EightSizes module = new();
        var made = Traced.Export(
            module, [randn(3, 4), randn(2, 6), randn(5, 3), randn(4, 7)], new OnnxModuleOptions
            {
                DynamicBatch = false,
                DynamicAxes =
                {
                    { "a", 0, "a0" }, { "a", 1, "a1" }, { "b", 0, "b0" }, { "b", 1, "b1" }, { "c", 0, "c0" },
                    { "c", 1, "c1" }, { "d", 0, "d0" }, { "d", 1, "d1" },
                },
            });
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 1e-5));
    }

    private sealed class EightSizes()
        : nn.Module<Tensor, Tensor, Tensor, Tensor, (Tensor, Tensor, Tensor)>(nameof(EightSizes))
    {
        public override (Tensor, Tensor, Tensor) forward(Tensor a, Tensor b, Tensor c, Tensor d)
            => (a.sum([0L]).unsqueeze(0) + d.sum([1L]).unsqueeze(1), b.reshape(1, -1) * c.reshape(-1, 1),
                zeros(a.shape[0], d.shape[1], c.shape[0]) + (b.shape[1] * c.shape[1]));
    }

    private sealed class TwoInputs : nn.Module<Tensor, Tensor, int, (Tensor, Tensor)>
    {
        private readonly TorchSharp.Modules.Embedding _table = nn.Embedding(9, 4);

        public TwoInputs()
            : base(nameof(TwoInputs)) => RegisterComponents();

        public override (Tensor, Tensor) forward(Tensor ids, Tensor mask, int repeats)
        {
            var x = _table.call(ids) * mask.unsqueeze(-1);
            for (var index = 0; index < repeats; index++)
            {
                x = x.tanh();
            }

            return (x, mask.sum(1));
        }
    }

    private sealed class CrossAttention() : nn.Module<Tensor, Tensor, Tensor>(nameof(CrossAttention))
    {
        public override Tensor forward(Tensor queries, Tensor keys)
        {
            var joined = cat([keys, queries], 1);
            var mask = ones(queries.shape[1], joined.shape[1]).tril(keys.shape[1]);
            var scores = queries.matmul(joined.mT).masked_fill(mask.eq(0), float.NegativeInfinity);
            return nn.functional.softmax(scores, -1).matmul(joined);
        }
    }
}
