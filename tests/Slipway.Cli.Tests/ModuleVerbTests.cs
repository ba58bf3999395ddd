using System.Runtime.InteropServices;
using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Tracing.Modules;
using TorchSharp;

namespace Slipway.Cli.Tests;

/// <summary>Exports modules of an assembly at the console, and runs, shows and quantizes what comes out.</summary>
public sealed class ModuleVerbTests : IDisposable
{
    private static readonly string Library =
        Path.Combine(AppContext.BaseDirectory, "Slipway.Tracing.Modules.dll");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Export_ModuleWithWeights_GivesAGraphThatRuns()
    {
        using Classifier trained = new();
        trained.save(_folder["trained.dat"]);
        var made = (await Tool.RunAsync(
            "export", Library, "--module", "Slipway.Tracing.Modules.Classifier", "--weights", _folder["trained.dat"],
            "--example", "rows=float32[batch<=16,64]", "-o", _folder["net"], "--json")).Json;
        Assert.True((double)made["outputs"]![0]!["relative"]! < 1e-5);

        using var rows = torch.randn([3, 64], generator: new torch.Generator(1));
        SafetensorsWriter.Write(
            _folder["rows.safetensors"], [SafetensorsEntry.From("rows", rows.data<float>().ToArray(), 3, 64)]);
        var run = await Tool.RunAsync(
            "run", _folder["net"], "-i", _folder["rows.safetensors"], "-o", _folder["out.safetensors"]);
        Assert.Equal(0, run.Code);
        using var output = Checkpoint.Open(_folder["out.safetensors"]);
        var actual = new float[9];
        output.ReadFloats("output", 0, actual);
        using var expected = trained.call(rows);
        var wanted = expected.data<float>().ToArray();
        Assert.All(actual.Zip(wanted), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));

        var shown = (await Tool.RunAsync("inspect", _folder["net"], "--json")).Json;
        Assert.Equal("rows Float32 [batch, 64]", (string)shown["graph"]!["inputs"]![0]!);

        var quantized = (await Tool.RunAsync(
            "quantize", _folder["net"], "-o", _folder["net4"], "--input", _folder["rows.safetensors"],
            "--json")).Json;
        Assert.Equal(2, quantized["matrices"]!.AsObject().Count);
        Assert.InRange((double)quantized["outputs"]![0]!["relative"]!, 1e-4, 0.3);
    }

    [Fact]
    public async Task Export_ModuleOfAFactoryToInt8_SaysWhatItLoses()
    {
        var run = await Tool.RunAsync(
            "export", Library, "--factory", "Models.Create", "--example", "ids=int64:100[batch,sequence<=32]",
            "--example", "mask=int64[batch,sequence]", "--precision", "int8", "-o", _folder["net.onnx"]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("equal to the module", run.Output, StringComparison.Ordinal);
        Assert.Contains("matrices are quantized", run.Output, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder["net.onnx.data"]));
    }

    [Fact]
    public async Task Run_IdBeyondTheTable_IsSaidInOneSentence()
    {
        var run = await Tool.RunAsync(
            "export", Library, "--factory", "Models.Create", "--example", "ids=int64:100[batch,sequence<=32]",
            "--example", "mask=int64[batch,sequence]", "-o", _folder["net.onnx"]);
        Assert.True(run.Code == 0, run.Error);
        SafetensorsWriter.Write(_folder["far.safetensors"], [Integers("ids", 1, 500), Integers("mask", 1, 1)]);
        run = await Tool.RunAsync(
            "run", _folder["net.onnx"], "-i", _folder["far.safetensors"], "-o", _folder["out.safetensors"]);
        Assert.Equal(1, run.Code);
        Assert.Contains("cannot compute these inputs", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("defect", run.Error, StringComparison.Ordinal);

        static SafetensorsEntry Integers(string name, params long[] values)
        {
            var bytes = MemoryMarshal.AsBytes<long>(values).ToArray();
            return new SafetensorsEntry(
                new TensorInfo(name, TensorType.I64, [1, values.Length]),
                (start, destination) => bytes.AsSpan((int)start, destination.Length).CopyTo(destination));
        }
    }

    [Theory]
    [InlineData("describes no input", "--module", "Classifier", "--example", "rows=float[2]")]
    [InlineData("is no axis", "--module", "Classifier", "--example", "rows=float32[batch=3]")]
    [InlineData("exported by example inputs", "--module", "Classifier")]
    [InlineData("has no module 'Missing'", "--module", "Missing", "--example", "rows=float32[2]")]
    [InlineData("several modules to choose from", "--example", "rows=float32[2]")]
    [InlineData("no constructor without parameters", "--module", "Encoder", "--example", "rows=float32[2]")]
    [InlineData("has no static method", "--factory", "Models.None", "--example", "rows=float32[2]")]
    [InlineData("There is no data set", "--factory", "Models.Broken", "--example", "rows=float32[2]")]
    [InlineData("rejects the example", "--module", "Classifier", "--example", "rows=float32[2,3]")]
    [InlineData("reads the elements", "--module", "Branching", "--example", "rows=float32[batch,3]")]
    public async Task Export_WhatIsWrong_IsSaidInOneSentence(string says, params string[] arguments)
    {
        var run = await Tool.RunAsync("", ["export", Library, .. arguments, "-o", _folder["net"]]);
        Assert.NotEqual(0, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("defect", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder["net"], "model.onnx")));
    }

    [Fact]
    public async Task Export_WeightsOfAnotherModule_AreRefused()
    {
        using var other = Models.Create();
        other.save(_folder["other.dat"]);
        var run = await Tool.RunAsync(
            "export", Library, "--module", "Classifier", "--weights", _folder["other.dat"], "--example",
            "rows=float32[batch,64]", "-o", _folder["net"]);
        Assert.Contains("'_hidden.weight' is missing", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_ModuleOptionsForACheckpoint_AreRefused()
    {
        var run = await Tool.RunAsync("export", "model.gguf", "--module", "A.B", "-o", _folder["net"]);
        Assert.Contains("'--module' is for modules of an assembly", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'--tune' is for checkpoints", "export", "Any.dll", "--tune", "1", "-o", "net")]
    [InlineData("'--rotate' is for language models", "export", "Any.dll", "--rotate", "-o", "net")]
    [InlineData("'--adapter' is for packages", "run", "net.onnx", "--adapter", "a", "-i", "x.safetensors", "-o", "y")]
    [InlineData("'--bits' is for language models", "quantize", "net.onnx", "--bits", "4", "-o", "net4")]
    [InlineData("'--input' is for graphs", "quantize", "package", "--input", "x.safetensors", "-o", "net4")]
    [InlineData("There is no graph", "run", "none.onnx", "-i", "x.safetensors", "-o", "y")]
    public async Task OptionsThatWouldSayNothing_AreRefused(string says, params string[] arguments)
    {
        var run = await Tool.RunAsync("", arguments);
        Assert.Equal(1, run.Code);
        Assert.Contains(says, run.Error, StringComparison.Ordinal);
    }
}
