using System.Net;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Slipway.Gateway.Forwarding;

/// <summary>Looks at what a replica answers: gives refusals back, and forwards streams event by event.</summary>
internal sealed class AnswerTransform : ITransformProvider
{
    // YARP's own, where the cluster says nothing.
    private static readonly TimeSpan DefaultIdle = TimeSpan.FromSeconds(100);

    public void ValidateRoute(TransformRouteValidationContext context)
    {
    }

    public void ValidateCluster(TransformClusterValidationContext context)
    {
    }

    public void Apply(TransformBuilderContext context) => context.AddResponseTransform(ReadAsync);

    private static async ValueTask ReadAsync(ResponseTransformContext transform)
    {
        var context = transform.HttpContext;
        if (transform.ProxyResponse is not { } response || context.Features.Get<ForwardingState>() is not { } state)
        {
            return;
        }

        if (state.HasOthers && IsRefusal(context.Request.Path, response.StatusCode, state.NamesResponse))
        {
            state.Refuse();
            transform.SuppressResponseBody = true;
        }
        else if (StreamFormat.Find(response.Content.Headers.ContentType?.MediaType) is { } format)
        {
            transform.SuppressResponseBody = true;
            context.Response.ContentLength = null;
            var idle = context.GetReverseProxyFeature().Cluster.Config.HttpRequest?.ActivityTimeout ?? DefaultIdle;
            var body = await response.Content.ReadAsStreamAsync(context.RequestAborted).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                if (!await new EventCopy(format, context).RunAsync(body, idle).ConfigureAwait(false))
                {
                    state.Break();
                }
            }
        }
    }

    // A replica stops, its queue is full, or it does not keep the response that the request names.
    private static bool IsRefusal(PathString path, HttpStatusCode status, bool namesResponse) => status switch
    {
        HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests => true,
        HttpStatusCode.NotFound => path.Value?.Contains("/responses/", StringComparison.Ordinal) == true,
        HttpStatusCode.BadRequest => namesResponse,
        _ => false,
    };
}
