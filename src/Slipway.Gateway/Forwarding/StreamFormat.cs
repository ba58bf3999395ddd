using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Slipway.Gateway.Forwarding;

/// <summary>Says how a streamed answer is parted, and how one that broke off ends.</summary>
/// <param name="IsLines">Each line is an event; otherwise an empty line ends one.</param>
/// <param name="LastEvent">Gives the event that tells of the error, by path and count of events before.</param>
internal sealed record StreamFormat(bool IsLines, Func<PathString, int, string> LastEvent)
{
    private const string Code = "replica_lost";

    // One row a media type.
    private static readonly Dictionary<string, StreamFormat> Formats = new(StringComparer.OrdinalIgnoreCase)
    {
        ["text/event-stream"] = new(false, ServerSentEvent),
        ["application/x-ndjson"] = new(true, (_, _) =>
            new JsonObject { ["error"] = GatewayError.BrokenOff }.ToJsonString() + "\n"),
    };

    /// <summary>Finds the format of a media type; null where it is no stream's.</summary>
    public static StreamFormat? Find(string? mediaType)
        => mediaType is null ? null : Formats.GetValueOrDefault(mediaType);

    /// <summary>Gives the event that ends a stream which broke off.</summary>
    public byte[] End(PathString path, int events) => Encoding.UTF8.GetBytes(LastEvent(path, events));

    // Streams of responses number their events and name each.
    private static string ServerSentEvent(PathString path, int events)
    {
        if (path.Value?.EndsWith("/responses", StringComparison.Ordinal) != true)
        {
            return $"data: {GatewayError.Object("server_error", Code, GatewayError.BrokenOff)}\n\n";
        }

        var error = new JsonObject
        {
            ["type"] = "error", ["code"] = Code, ["message"] = GatewayError.BrokenOff, ["param"] = null,
            ["sequence_number"] = events,
        };
        return $"event: error\ndata: {error.ToJsonString()}\n\n";
    }
}
