using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Slipway.Export;
using Slipway.Kernels.Interop;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Packaging.Kernels;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Hostile;

/// <summary>Graphs of another version of the operators are left alone, and the log says so.</summary>
public sealed class KernelVersionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(KernelContract.MinVersion - 1)]
    [InlineData(KernelContract.Version + 1)]
    [InlineData(0)]
    public async Task Load_AnotherVersion_RunsTheDecodersGraphAndLogs(int version)
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        Export();

        // A graph that no session could be opened over.
        var graph = OnnxFile.Read(Path.Combine(_folder["package"], KernelPackage.GraphFile)).Graph;
        KernelPackage.Write(
            _folder["package"], KernelPackage.Change(graph, node => node with { OpType = $"{node.OpType}Unknown" }),
                version);
        using var log = new LineLog();
        using (var model = LanguageModel.Load(_folder["package"], new LanguageModelOptions { LoggerFactory = log }))
        {
            Assert.NotEmpty(await model.ScoreAsync([3, 4, 5], TestContext.Current.CancellationToken));
        }

        Assert.Equal(
            [
                $"The package '{_folder["package"]}' has a graph of kernels of version {version}; this library has "
                + $"version {KernelContract.Version}, so the slower 'model.onnx' runs. Export the package again.",
            ],
            log.Lines);
    }

    [Fact]
    public void Load_ThisVersion_LogsNothing()
    {
        Export();
        using var log = new LineLog();
        LanguageModel.Load(_folder["package"], new LanguageModelOptions { LoggerFactory = log }).Dispose();
        Assert.Empty(log.Lines);
    }

    /// <summary>
    /// Graphs of the second version have scales of single precision, those of the third codes of 4 bits only,
    /// those of the fourth no keys and values in half precision.
    /// </summary>
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Load_AnEarlierVersion_RunsItsKernels(int version)
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        Export();
        var scores = await ScoreAsync();
        var graph = OnnxFile.Read(Path.Combine(_folder["package"], KernelPackage.GraphFile)).Graph;
        KernelPackage.Write(_folder["package"], version == 2 ? WidenScales(graph) : graph, version);
        using var log = new LineLog();

        var older = await ScoreAsync(log);

        Assert.Empty(log.Lines);
        Assert.Equal(scores, older);
    }

    [Theory]
    [InlineData("[null]")]
    [InlineData("""[{"provider": "cpu", "kernel_version": 2}]""")]
    [InlineData("""[{"file": "kernels.onnx", "kernel_version": 2}]""")]
    [InlineData("""[{"provider": null, "file": null, "kernel_version": 2}]""")]
    public void Load_VariantWithoutANameOrFile_IsRefused(string variants)
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        Export();
        KernelPackage.WriteVariants(_folder["package"], variants);
        Assert.EndsWith(
            "lists a variant without 'provider' or 'file'. Export the package again.",
            Assert.Throws<PackageException>(() => LanguageModel.Load(_folder["package"])).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"provider": "cuda", "file": "missing.onnx", "kernel_version": 2}]""")]
    [InlineData("[]")]
    [InlineData("null")]
    public void Load_NoVariantForTheProcessor_RunsTheDecodersGraph(string variants)
    {
        Export();
        KernelPackage.WriteVariants(_folder["package"], variants);
        using var log = new LineLog();
        LanguageModel.Load(_folder["package"], new LanguageModelOptions { LoggerFactory = log }).Dispose();
        Assert.Empty(log.Lines);
    }

    /// <summary>
    /// Layers that ONNX Runtime computes would read beyond their cache for a slot that they do not know.
    /// </summary>
    [Fact]
    public async Task Load_CapabilityThatTheGraphHasNot_IsNotBelieved()
    {
        // As version 5 had it, whose kernels knew no sliding caches.
        KernelPackage.Export("mistral-window", _folder["package"], Precision.Int4, KeyValuePrecision.Float32);
        KernelPackage.Copy(_folder["package"], _folder["claims"]);
        foreach (var folder in (string[])[_folder["package"], _folder["claims"]])
        {
            KernelPackage.Write(folder, OnnxFile.Read(Path.Combine(folder, "model.onnx")).Graph, version: 5);
        }

        KernelPackage.WriteVariants(
            _folder["package"],
            $$"""[{"provider": "cpu", "file": "{{KernelPackage.GraphFile}}", "kernel_version": 5}]""");

        var outcomes = await ChildProcess.LoadAsync([_folder["package"], _folder["claims"]]);

        Assert.StartsWith("answered ", outcomes[0], StringComparison.Ordinal);
        Assert.Equal(outcomes[0], outcomes[1]);
    }

    /// <summary>Packages of 0.1.0 name their graph in a field of its own.</summary>
    [Fact]
    public void Load_PackageOfTheFirstVersion_LogsOnce()
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        using var log = new LineLog();
        LanguageModel.Load(
            SharedAssets.Path("hostile", "kernels-load-overread"),
                new LanguageModelOptions { LoggerFactory = log }).Dispose();
        Assert.Contains("has a graph of kernels of version 1;", Assert.Single(log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_InAHost_LogsToItsLogging()
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        using var log = new LineLog();
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(log);
        services.AddOnnxChatClient(SharedAssets.Path("hostile", "kernels-thread-unhandled"));
        await using var provider = services.BuildServiceProvider();
        await provider.GetRequiredService<IChatClient>().GetResponseAsync(
            "Hello", new ChatOptions { MaxOutputTokens = 1 }, TestContext.Current.CancellationToken);
        Assert.Contains("has a graph of kernels of version 1;", Assert.Single(log.Lines), StringComparison.Ordinal);
    }

    private async Task<float[]> ScoreAsync(ILoggerFactory? log = null)
    {
        using var model = LanguageModel.Load(_folder["package"], new LanguageModelOptions { LoggerFactory = log });
        return await model.ScoreAsync([3, 4, 5, 6], TestContext.Current.CancellationToken);
    }

    // What the second version reads: a cast node stands before each product.
    private static Graph WidenScales(Graph graph)
    {
        Graph target = new(graph.Name);
        foreach (var port in graph.Inputs)
        {
            _ = graph.FindInitializer(port.Name) is { } fallback
                ? target.AddOptionalInput(fallback, port.Shape)
                : target.AddInput(port.Name, port.Type, port.Shape);
        }

        foreach (var constant in graph.Initializers.Where(one => target.FindInitializer(one.Name) is null))
        {
            target.AddInitializer(constant);
        }

        foreach (var node in graph.Nodes)
        {
            if (node.OpType == "FusedMatMulNBits")
            {
                target.AddNode(new Node(
                    $"{node.Name}/Cast", "", "Cast", [node.Inputs[2]], [$"{node.Name}/scales"],
                    [new NodeAttribute.Int("to", (int)ElementType.Float32)]));
                target.AddNode(node with
                {
                    Inputs = [.. node.Inputs.Select((name, index) => index == 2 ? $"{node.Name}/scales" : name)],
                });
            }
            else
            {
                target.AddNode(node);
            }
        }

        foreach (var port in graph.Outputs)
        {
            target.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return target;
    }

    private void Export()
        => KernelPackage.Export("llama", _folder["package"], Precision.Int4, KeyValuePrecision.Float32);

    private sealed class LineLog : ILoggerFactory, ILogger
    {
        public List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            // Loading is told too, on other levels.
            if (logLevel >= LogLevel.Warning)
            {
                Assert.Equal(LogLevel.Warning, logLevel);
                Lines.Add(formatter(state, exception));
            }
        }

        public void Dispose()
        {
        }
    }
}
