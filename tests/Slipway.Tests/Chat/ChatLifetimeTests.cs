using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Tests.Chat;

/// <summary>Loads, watches and disposes the models of chat clients.</summary>
public sealed class ChatLifetimeTests
{
    [Fact]
    public async Task Client_LoadedAtStart_LogsItAndIsDisposedOnce()
    {
        var log = new Messages();
        var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = SharedAssets.Path("genai-packages", "llama-int4"), ModelId = "m",
            Model = new() { LoggerFactory = log },
        });

        await client.LoadAsync(TestContext.Current.CancellationToken);
        await client.DisposeAsync();
        await client.DisposeAsync();

        Assert.StartsWith("Information: The model 'm' was loaded from ", Assert.Single(log.Lines));
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => client.LoadAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Client_OfAMissingFolder_LogsTheFailure()
    {
        var log = new Messages();
        await using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = "no-such-folder", ModelId = "m", Model = new() { LoggerFactory = log },
        });

        await Assert.ThrowsAsync<PackageException>(() => client.LoadAsync(TestContext.Current.CancellationToken));

        Assert.StartsWith("Error: The model 'm' could not be loaded from ", Assert.Single(log.Lines));
    }

    [Fact]
    public async Task Template_EditedInAPackage_IsUsedWithAWarning()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["package"]);
        foreach (var file in Directory.EnumerateFiles(
            Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4")))
        {
            File.Copy(file, Path.Combine(folder["package"], Path.GetFileName(file)));
        }

        Assert.Empty(ModelPackage.Open(folder["package"]).EditedTemplates);
        var log = new Messages();
        await File.WriteAllTextAsync(
            Path.Combine(folder["package"], "chat_template.jinja"), "edited {{ messages[0].content }}",
            TestContext.Current.CancellationToken);

        await using var client = new OnnxChatClient(new OnnxChatClientOptions
        {
            PackagePath = folder["package"], ModelId = "m", Model = new() { LoggerFactory = log },
        });
        await client.LoadAsync(TestContext.Current.CancellationToken);

        Assert.Contains(
            "Warning: The template 'chat_template.jinja' of 'm' was edited since the package was made. It is used as "
            + "it is now.",
            log.Lines);
    }

    [Fact]
    public async Task Package_OfAnEncoder_IsToldFromADecoders()
    {
        using var folder = new TemporaryFolder();
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "bert")))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = Precision.Float32 });
        }

        await using var client = new OnnxChatClient(folder["package"]);

        var e = await Assert.ThrowsAsync<PackageException>(
            () => client.GetResponseAsync("Hi", cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(
            $"The package '{folder["package"]}' is an encoder's, which writes no text. Embed with "
            + "OnnxEmbeddingGenerator or 'slipway embed', or give the package of a decoder.",
            e.Message);
    }

    private sealed class Messages : ILoggerFactory, ILogger
    {
        public List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
            => Lines.Add($"{logLevel}: {formatter(state, exception)}");

        public void Dispose()
        {
        }
    }
}
