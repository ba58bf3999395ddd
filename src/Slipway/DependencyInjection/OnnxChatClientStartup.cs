using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Slipway.Packaging;

namespace Slipway;

/// <summary>Checks a registered client's package as a host starts, and loads its model where asked for.</summary>
/// <param name="services">The host's services.</param>
/// <param name="name">The name of the client's options.</param>
/// <param name="resolve">Finds the client.</param>
internal sealed class OnnxChatClientStartup(
    IServiceProvider services, string name, Func<IServiceProvider, OnnxChatClient> resolve) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var options = services.GetRequiredService<IOptionsMonitor<OnnxChatClientOptions>>().Get(name);
        try
        {
            ModelPackage.Open(options.PackagePath!, PackageVerification.Sizes);
        }
        catch (PackageException e)
        {
            throw new OptionsValidationException(
                name, typeof(OnnxChatClientOptions), [$"PackagePath is '{options.PackagePath}'. {e.Message}"]);
        }

        if (options.LoadAtStart)
        {
            await resolve(services).LoadAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
