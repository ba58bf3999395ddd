using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Slipway.Packaging;

namespace Slipway;

/// <summary>Checks the package of an embedding generator, a reranker or a classifier as a host starts.</summary>
/// <param name="monitor">The options.</param>
/// <param name="name">Their name.</param>
internal sealed class OnnxEncoderStartup<
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>(
    IOptionsMonitor<TOptions> monitor, string name) : IHostedService
    where TOptions : OnnxEncoderOptions
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var options = monitor.Get(name);
        try
        {
            options.RequirePackage();
        }
        catch (PackageException e)
        {
            throw new OptionsValidationException(
                name, typeof(TOptions), [$"PackagePath is '{options.PackagePath}'. {e.Message}"]);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
