using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Responses;

namespace Slipway.AspNetCore.Hosting;

/// <summary>
/// Loads all models when the host has started, and lets each compute something small, where the options say so.
/// </summary>
/// <remarks>The server is ready when all have. A model that cannot be loaded stops the host.</remarks>
internal sealed partial class ModelStartup(
    ModelCatalog catalog, ServerGate gate, IOptions<OpenAIServerOptions> options, IHostApplicationLifetime lifetime,
    IServiceProvider services, ILogger<ModelStartup> logger) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _loading = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.ResponsesPath is not null)
        {
            // A file that cannot be opened is known before anything relies on it.
            _ = services.GetRequiredService<ResponseStore>();
        }

        gate.IsLoading = options.Value.LoadAtStart;
        if (gate.IsLoading)
        {
            // A host that is stopped before it has started throws, and hides why.
            lifetime.ApplicationStarted.Register(() => _loading = LoadAsync());
        }

        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loading.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _stopping.Dispose();

    private async Task LoadAsync()
    {
        await Task.Yield();
        try
        {
            foreach (var model in catalog.Models)
            {
                await model.WarmUpAsync(_stopping.Token).ConfigureAwait(false);
                Loaded(logger, model.Name);
            }

            gate.IsLoading = false;
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
        }
#pragma warning disable CA1031 // Nobody waits for this task, so what it meets is told here.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Failed(logger, exception);
            lifetime.StopApplication();
        }
    }

    [LoggerMessage(3, LogLevel.Information, "The model '{Model}' is loaded and warm.")]
    private static partial void Loaded(ILogger logger, string model);

    [LoggerMessage(4, LogLevel.Critical, "A model could not be loaded, so the server stops.")]
    private static partial void Failed(ILogger logger, Exception exception);
}
