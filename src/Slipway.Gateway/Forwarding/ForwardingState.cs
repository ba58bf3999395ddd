using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Slipway.Gateway.Forwarding;

/// <summary>Holds what becomes of a request at the replica that has it now.</summary>
/// <param name="context">The request.</param>
internal sealed class ForwardingState(HttpContext context)
{
    private bool _isStreamBroken;

    /// <summary>Tells whether the request names a response that a replica keeps.</summary>
    public bool NamesResponse { get; set; }

    /// <summary>Tells whether another replica is left that could have the request.</summary>
    public bool HasOthers { get; private set; }

    /// <summary>Tells whether the replica refused the request, so that another one should have it.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Tells whether the connection to the replica was refused or broke off.</summary>
    public bool IsBroken => _isStreamBroken || context.Features.Get<IForwarderErrorFeature>()?.Error
        is ForwarderError.Request or ForwarderError.RequestBodyDestination or ForwarderError.ResponseHeaders
        or ForwarderError.ResponseBodyDestination;

    /// <summary>Begins with a replica.</summary>
    /// <param name="hasOthers">Another one is left.</param>
    public void Begin(bool hasOthers)
    {
        (HasOthers, IsRefused, _isStreamBroken) = (hasOthers, false, false);
        context.Features.Set<IForwarderErrorFeature>(null);
    }

    /// <summary>Notes that the replica refused the request.</summary>
    public void Refuse() => IsRefused = true;

    /// <summary>Notes that the replica's stream broke off.</summary>
    public void Break() => _isStreamBroken = true;
}
