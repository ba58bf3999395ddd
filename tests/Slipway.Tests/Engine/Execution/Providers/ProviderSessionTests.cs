using Slipway.Engine.Execution;
using Slipway.Engine.Execution.Providers;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests.Engine.Execution.Providers;

/// <summary>Opens packages where the providers that were asked for are not there, or take no graph of them.</summary>
public sealed class ProviderSessionTests
{
    private static readonly string Device = Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");

    [Fact]
    public void Package_OnAProviderThatIsMissing_SaysWhichPackageBringsIt()
    {
        var failure = Assert.Throws<NotSupportedException>(
            () => LanguageModel.Load(Device, new() { ExecutionProviders = ["directml"] }));

        Assert.Equal(
            $"'{Device}' cannot run on 'directml:0': ONNX Runtime's library here is without 'directml': reference the "
            + "package 'Slipway.DirectML' in the place of 'Slipway.Cpu'. List 'cpu' last in ExecutionProviders to run "
            + "it on the processor where nothing else can.",
            failure.Message);
    }

    [Fact]
    public async Task Package_WithTheProcessorAsked_FallsBackAndLogsWhy()
    {
        var log = new LogLines();
        var request = new GenerationRequest { PromptIds = [5, 6, 7], MaxOutputTokens = 8, IgnoreEndOfSequence = true };
        using var plain = LanguageModel.Load(Device, new() { ExecutionProviders = ["cpu"] });
        using var model = LanguageModel.Load(
            Device, new() { ExecutionProviders = ["directml", "cpu"], LoggerFactory = log });

        Assert.Equal("cpu", model.ExecutionProvider);
        Assert.Contains(
            log.Lines,
            line => line.StartsWith($"Warning: '{Device}' runs on 'cpu'", StringComparison.Ordinal)
                && line.Contains("'Slipway.DirectML'", StringComparison.Ordinal));
        var cancellationToken = TestContext.Current.CancellationToken;
        Assert.Equal(
            (await plain.CollectAsync(request, cancellationToken)).Select(token => token.Id),
            (await model.CollectAsync(request, cancellationToken)).Select(token => token.Id));
    }

    [Fact]
    public void Package_ByItself_RunsOnTheProcessorWithoutAWord()
    {
        var log = new LogLines();
        using var model = LanguageModel.Load(Device, new() { LoggerFactory = log });

        Assert.Equal("cpu", model.ExecutionProvider);
        Assert.DoesNotContain(log.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public void Package_ExportedForAnotherDevice_SaysHowItIsExported()
    {
        var failure = Assert.Throws<NotSupportedException>(() => ModelSession.Open(
            ModelPackage.Open(Device), new() { ExecutionProviders = ["cuda:1", "directml"] },
            new PlainMachine { Found = ["A", "B"] }));

        Assert.Contains(
            $"The package '{Device}' has no graph for 'cuda': export it again with 'slipway export --device cuda'. The "
            + $"package '{Device}' has no graph for 'directml'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Graph_ThatAProviderDoesNotTake_FallsBackOnlyWhereAsked()
    {
        // This ONNX Runtime has no such provider, whatever the machine says, so the session cannot be made.
        var machine = new PlainMachine { Found = ["A"] };
        var graph = Path.Combine(Device, "model.onnx");
        var log = new LogLines();

        var failure = Assert.Throws<NotSupportedException>(
            () => ModelSession.Open(graph, new() { ExecutionProviders = ["directml"] }, machine));
        Assert.Contains($"'directml:0' does not take '{graph}': ", failure.Message, StringComparison.Ordinal);
        using var session = ModelSession.Open(
            graph, new() { ExecutionProviders = ["directml", "cpu"], LoggerFactory = log }, machine);
        Assert.Equal(ExecutionProviders.Cpu, session.Choice.Provider);
        Assert.Contains(log.Lines, line => line.Contains("does not take", StringComparison.Ordinal));
        using var automatic = ModelSession.Open(graph, new() { LoggerFactory = log }, machine);
        Assert.Equal(ExecutionProviders.Cpu, automatic.Choice.Provider);
        Assert.Equal(2, log.Lines.Count(line => line.StartsWith("Warning", StringComparison.Ordinal)));
    }
}
