using Slipway.Engine.Execution.Providers;

namespace Slipway.Tests.Engine.Execution.Providers;

/// <summary>Reads execution providers from options, and says what a machine lacks for them.</summary>
public sealed class ProviderChoiceTests
{
    private static readonly string[] CudaLibraries = [.. ExecutionProviders.Cuda.Libraries];

    [Fact]
    public void Options_ThatNameNone_TryEveryProviderOfTheTableAndTheProcessorLast()
    {
        var all = ExecutionProviders.All.Select(provider => provider.Name).ToArray();

        Assert.Equal("cpu", all[^1]);
        Assert.Equal(all, ProviderChoice.Read(new()).Select(choice => choice.Provider.Name));
        Assert.All(
            ProviderChoice.Read(new() { ExecutionProviders = ["AUTO"] }), choice => Assert.True(choice.IsAutomatic));
    }

    [Fact]
    public void Options_InOrder_KeepTheirOrderDevicesAndOptions()
    {
        var options = new LanguageModelOptions
        {
            ExecutionProviders = ["Cuda:3", "directml", "cpu"],
            ExecutionProviderOptions = new Dictionary<string, IReadOnlyDictionary<string, string>>
            {
                ["CUDA"] = new Dictionary<string, string> { ["gpu_mem_limit"] = "1" },
            },
        };

        Assert.Empty(OptionsValidation.Errors(options));
        var choices = ProviderChoice.Read(options);
        Assert.Equal(["cuda:3", "directml:0", "cpu"], choices.Select(choice => choice.ToString()));
        Assert.Equal([1, 0, 0], choices.Select(choice => choice.Options.Count));
        Assert.All(choices, choice => Assert.False(choice.IsAutomatic));
    }

    [Theory]
    [InlineData(new string[0], "ExecutionProviders is empty; expected at least one of 'auto', 'cuda', 'directml' and "
        + "'cpu'.")]
    [InlineData(new[] { "gpu" }, "ExecutionProviders: 'gpu' is no execution provider; expected one of 'auto', 'cuda', "
        + "'directml' and 'cpu', and after ':' the number of a device, as in 'cuda:1'.")]
    [InlineData(new[] { "cuda:-1" }, "ExecutionProviders: 'cuda:-1' names no device of 'cuda'; expected a number "
        + "from 0 to 1024, as in 'cuda:0'.")]
    [InlineData(new[] { "cpu:1" }, "ExecutionProviders: 'cpu:1' names no device of 'cpu'; expected 'cpu' alone.")]
    [InlineData(new[] { "auto", "cpu" }, "ExecutionProviders has 'auto' beside others; expected it alone, or the "
        + "providers in the order to try them in.")]
    public void Options_WithoutAPossibleValue_AreNamed(string[] names, string expected)
    {
        var options = new LanguageModelOptions { ExecutionProviders = names };

        Assert.Equal(expected, Assert.Single(OptionsValidation.Errors(options)));
        Assert.StartsWith(
            expected, Assert.Throws<ArgumentException>(() => OptionsValidation.Validate(options)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cuda:", "names no device")]
    [InlineData("cuda:0:1", "is no execution provider")]
    [InlineData("cuda: 1", "names no device")]
    [InlineData("", "'' is no execution provider")]
    [InlineData(null, "'' is no execution provider")]
    [InlineData("cuda:99999999999", "names no device")]
    [InlineData("CUDAExecutionProvider", "is no execution provider")]
    public void Options_ThatAreDamaged_AreNamed(string? name, string expected)
        => Assert.Contains(
            expected, Assert.Single(OptionsValidation.Errors(new() { ExecutionProviders = [name!] })),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("cpu", "expected 'cuda' or 'directml'.")]
    [InlineData("tensorrt", "has 'tensorrt'; expected 'cuda' or 'directml'.")]
    [InlineData("directml", "has options of 'directml', which ExecutionProviders does not list.")]
    public void ProviderOptions_ThatNobodyReads_AreNamed(string name, string expected)
        => Assert.Contains(
            expected,
            Assert.Single(OptionsValidation.Errors(new()
            {
                ExecutionProviders = ["cuda", "cpu"],
                ExecutionProviderOptions = new Dictionary<string, IReadOnlyDictionary<string, string>>
                {
                    [name] = new Dictionary<string, string> { ["device_filter"] = "gpu" },
                },
            })),
            StringComparison.Ordinal);

    [Fact]
    public void Machine_WithAllOfIt_LacksNothing()
    {
        Assert.Null(WhyNot("cuda:1", new() { Found = ["NVIDIA A", "NVIDIA B"] }));
        Assert.Null(WhyNot("cuda:5", new()));
        Assert.Null(WhyNot("cpu", new() { Built = [] }));
    }

    [Fact]
    public void Machine_ThatLacksSomething_IsToldInOneSentenceAndTheRemedy()
    {
        Assert.Equal(
            "ONNX Runtime's library here is without 'cuda': reference the package 'Slipway.Cuda' in the place of "
            + "'Slipway.Cpu'.",
            WhyNot("cuda", new() { Built = [] }));
        Assert.Equal(
            "ONNX Runtime's library here is without 'directml': reference the package 'Slipway.DirectML' in the place "
            + "of 'Slipway.Cpu'.",
            WhyNot("directml", new() { Built = [ExecutionProviders.Cuda] }));
        var driver = ExecutionProviders.Cuda.Driver!.Value.Library;
        Assert.Equal(
            $"The NVIDIA driver was not found ('{driver}'): 'cuda' runs on machines with such a device and its driver.",
            WhyNot("cuda", new() { Missing = [driver] }));
        Assert.Equal(
            $"'cuda' needs '{CudaLibraries[0]}', '{CudaLibraries[3]}', not found. Install CUDA 13 and cuDNN 9, and see "
            + "that the loader finds them.",
            WhyNot("cuda", new() { Missing = [CudaLibraries[0], CudaLibraries[3]] }));
        Assert.Equal("ONNX Runtime cannot load 'x'", WhyNot("cuda", new() { Broken = "ONNX Runtime cannot load 'x'" }));
    }

    [Fact]
    public void Device_OutOfRange_IsToldWithThoseThatThereAre()
    {
        Assert.Equal(
            "'cuda:2' names device '2'; there are 2: '0' (NVIDIA A), '1' (NVIDIA B).",
            WhyNot("cuda:2", new() { Found = ["NVIDIA A", "NVIDIA B"] }));
        Assert.Equal(
            "'cuda:1' names device '1'; there is one: '0' (NVIDIA A).",
            WhyNot("cuda:1", new() { Found = ["NVIDIA A"] }));
    }

    private static string? WhyNot(string name, PlainMachine machine)
        => ProviderChecks.WhyNot(ProviderChoice.Read(new() { ExecutionProviders = [name] })[0], machine);
}
