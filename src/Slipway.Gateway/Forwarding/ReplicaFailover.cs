using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Slipway.Gateway.Balancing;
using Slipway.Gateway.Replicas;
using Yarp.ReverseProxy.Forwarder;

namespace Slipway.Gateway.Forwarding;

/// <summary>Reads the request's body and gives the request to one replica after the other until one answers.</summary>
/// <remarks>
/// A request whose answer has not begun is given on: the replica was not there, broke the connection, or refused it
/// (it stops, its queue is full). Generating twice changes nothing but time, so that is safe for a replica that died
/// over it. Where one takes longer than <see cref="ModelGatewayOptions.ActivityTimeout"/> nothing is sent again.
/// </remarks>
internal static class ReplicaFailover
{
    private const int BytesInMemory = 1 << 20;

    public static async Task InvokeAsync(HttpContext context, Func<Task> next)
    {
        var state = new ForwardingState(context);
        context.Features.Set(state);
        var options = context.RequestServices.GetRequiredService<ReplicaConfigProvider>().Current;
        try
        {
            await ReadBodyAsync(context, state, options.MaxRequestBytes).ConfigureAwait(false);
        }
        catch (BadHttpRequestException exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            await GatewayError.WriteAsync(
                context, exception.StatusCode, "invalid_body",
                exception.StatusCode == StatusCodes.Status413PayloadTooLarge
                    ? $"The body is larger than '{options.MaxRequestBytes}' bytes, the most that this gateway takes."
                    : exception.Message).ConfigureAwait(false);
            return;
        }

        var proxy = context.GetReverseProxyFeature();
        var left = proxy.AvailableDestinations.ToList();
        while (true)
        {
            proxy.AvailableDestinations = left;
            state.Begin(left.Count > 1);
            await next().ConfigureAwait(false);
            var goesOn = (state.IsBroken || state.IsRefused) && state.HasOthers && !context.Response.HasStarted
                && !context.RequestAborted.IsCancellationRequested;
            if (!goesOn)
            {
                break;
            }

            left.Remove(proxy.ProxiedDestination!);
            context.Response.Clear();
            context.Request.Body.Position = 0;
        }

        if (!context.Response.HasStarted && context.Features.Get<IForwarderErrorFeature>() is { } failure
            && !context.RequestAborted.IsCancellationRequested)
        {
            await GatewayError.WriteAsync(context, failure.Error).ConfigureAwait(false);
        }
    }

    // Bodies are read to their end before anything is sent, so that a slow client holds no place at a replica.
    private static async Task ReadBodyAsync(HttpContext context, ForwardingState state, long maxBytes)
    {
        var request = context.Request;
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == false)
        {
            request.Body = new MemoryStream();
            return;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = maxBytes;
        }

        request.EnableBuffering(BytesInMemory, maxBytes);
        await request.Body.CopyToAsync(Stream.Null, context.RequestAborted).ConfigureAwait(false);
        request.Body.Position = 0;
        if (PromptPrefix.IsAt(request.Path))
        {
            await FindPrefixAsync(context, state).ConfigureAwait(false);
            request.Body.Position = 0;
        }
    }

    private static async Task FindPrefixAsync(HttpContext context, ForwardingState state)
    {
        try
        {
            using var body = await JsonDocument.ParseAsync(
                context.Request.Body, default, context.RequestAborted).ConfigureAwait(false);
            context.Features.Set(PromptPrefix.Find(context.Request.Path, body.RootElement));
            state.NamesResponse = body.RootElement.ValueKind == JsonValueKind.Object
                && body.RootElement.TryGetProperty("previous_response_id", out var id)
                && id.ValueKind == JsonValueKind.String;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // A replica tells the client what is wrong with the body.
        }
    }
}
