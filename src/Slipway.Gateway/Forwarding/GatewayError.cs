using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Slipway.Gateway.Forwarding;

/// <summary>Writes errors of the gateway's own as error objects of OpenAI's API.</summary>
internal static class GatewayError
{
    /// <summary>Says that an answer broke off.</summary>
    public const string BrokenOff = "The replica that answered has gone, and the answer is not whole. Send the request "
        + "again.";

    /// <summary>Answers with what kept a request from all replicas.</summary>
    public static Task WriteAsync(HttpContext context, ForwarderError error)
    {
        if (error == ForwarderError.RequestTimedOut)
        {
            return WriteAsync(
                context, StatusCodes.Status504GatewayTimeout, "timeout",
                "The replica took longer than this gateway allows. Ask for less.");
        }

        context.Response.Headers.RetryAfter = "1";
        return WriteAsync(
            context, StatusCodes.Status503ServiceUnavailable, "no_replica",
            "No replica took the request. Send it again later.");
    }

    /// <summary>Answers with an error.</summary>
    public static Task WriteAsync(HttpContext context, int status, string code, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(
            Object(status < 500 ? "invalid_request_error" : "server_error", code, message), context.RequestAborted);
    }

    /// <summary>Gives an error object.</summary>
    public static string Object(string type, string code, string message) => new JsonObject
    {
        ["error"] = new JsonObject { ["message"] = message, ["type"] = type, ["param"] = null, ["code"] = code },
    }.ToJsonString();
}
