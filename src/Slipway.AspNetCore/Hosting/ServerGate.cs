using Microsoft.Extensions.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Keeps new requests out once the host stops, while those in flight end.</summary>
internal sealed class ServerGate(IHostApplicationLifetime lifetime)
{
    /// <summary>Tells whether new requests are taken.</summary>
    public bool IsOpen => !lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Lets a request in.</summary>
    /// <exception cref="OpenAIException">The server is stopping.</exception>
    public void Enter()
    {
        if (!IsOpen)
        {
            throw new OpenAIException(503, "The server is stopping. Send the request to another one.", code: "stopping")
            {
                RetryAfter = 1,
            };
        }
    }
}
