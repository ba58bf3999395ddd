using static TorchSharp.torch;

namespace Slipway.Tracing.Tests.Operations;

/// <summary>Compares every operation with ONNX Runtime, at sizes that were not traced.</summary>
public sealed class OperationTests
{
    private static readonly OnnxModuleOptions Rows = new()
    {
        DynamicAxes = { { "input", 1, new DynamicAxis("rows") } }, Tolerance = 1e-5,
    };

    public static TheoryData<string> Reals => [.. OperationCases.OnReals.Keys];

    public static TheoryData<string> WrittenOut => [.. WrittenOutCases.All.Keys];

    public static TheoryData<string> Bags => [.. WrittenOutCases.Bags.Keys];

    public static TheoryData<string> Integers => [.. OperationCases.OnIntegers.Keys];

    [Theory]
    [MemberData(nameof(Reals))]
    public void Operation_OnReals_EqualsTorch(string name)
    {
        using var module = new CaseModule(OperationCases.OnReals[name]);
        _ = Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))], Rows);
    }

    [Theory]
    [MemberData(nameof(Integers))]
    public void Operation_OnIntegers_EqualsTorch(string name)
    {
        using var module = new CaseModule(OperationCases.OnIntegers[name]);
        _ = Traced.Export(module, [randint(0, 9, [2, 3, 6], generator: new Generator(1))], Rows);
    }

    [Theory]
    [InlineData("abs")]
    [InlineData("neg")]
    [InlineData("exp")]
    [InlineData("square")]
    [InlineData("reciprocal")]
    [InlineData("floor")]
    [InlineData("ceil")]
    [InlineData("round")]
    [InlineData("relu")]
    [InlineData("tanh")]
    [InlineData("erf")]
    [InlineData("threshold")]
    [InlineData("hardshrink")]
    public void Operation_OnUnusualNumbers_EqualsTorch(string name)
    {
        float[] numbers = [
            float.NegativeInfinity, -1e30f, -88, -2.5f, -2, -1.5f, -1, -0.5f, -0f, 0, 0.5f, 1, 1.5f, 2.5f, 88, 1e30f,
            float.PositiveInfinity, float.NaN,
        ];
        using var module = new CaseModule(OperationCases.OnReals[name]);
        _ = Traced.Export(module, [tensor(numbers, [1, 3, 6])], Rows);
    }

    [Theory]
    [MemberData(nameof(WrittenOut))]
    public void Operation_WrittenOut_EqualsTorch(string name)
    {
        using var module = new CaseModule(WrittenOutCases.All[name]);
        _ = Traced.Export(module, [randn([2, 3, 6], generator: new Generator(1))], new OnnxModuleOptions
        {
            DynamicAxes = { { "input", 1, new DynamicAxis("rows") } }, Tolerance = 2e-5,
        });
    }

    [Theory]
    [MemberData(nameof(Bags))]
    public void Operation_OnBags_EqualsTorch(string name)
    {
        using var module = WrittenOutCases.Bags[name]();
        _ = Traced.Export(
            module, [randint(0, 9, [2, 3, 5], generator: new Generator(1))],
            new OnnxModuleOptions { InputNames = ["ids"] });
    }

    private sealed class CaseModule(Func<Tensor, object> function) : nn.Module<Tensor, object>("Case")
    {
        public override object forward(Tensor input) => function(input);
    }
}
