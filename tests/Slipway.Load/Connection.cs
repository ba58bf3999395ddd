using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Load;

/// <summary>Sends requests one after the other: as a client should, slowly, wrongly, or leaving in between.</summary>
/// <param name="http">Sends the requests.</param>
/// <param name="mix">Draws the requests.</param>
/// <param name="report">Takes what comes back.</param>
internal sealed class Connection(HttpClient http, RequestMix mix, LoadReport report)
{
    private const double Disconnects = 0.2;
    private const double Slow = 0.05;
    private const double Wrong = 0.05;
    private const double Whole = 0.1;

    /// <summary>Sends until the token ends it; the last request is let end.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var share = mix.NextShare();
            try
            {
                await (share < Disconnects ? LeaveAsync()
                    : share < Disconnects + Slow ? StreamAsync(isSlow: true)
                    : share < Disconnects + Slow + Wrong ? MalformedAsync()
                    : share < Disconnects + Slow + Wrong + Whole ? WholeAsync()
                    : StreamAsync(isSlow: false));
            }
            catch (Exception exception) when (exception is HttpRequestException or IOException
                or TaskCanceledException or System.Text.Json.JsonException or FormatException)
            {
                report.Violate($"A request ended with '{exception.Message}'.");
            }
        }
    }

    /// <summary>Streams an answer and gives its tokens; null where it was refused.</summary>
    public async Task<int?> StreamAsync(bool isSlow, MixedRequest? given = null)
    {
        var request = given ?? mix.Next();
        using var response = await SendAsync(request.Body(stream: true), CancellationToken.None);
        if (!await IsAnswerAsync(response))
        {
            return null;
        }

        using var body = await response.Content.ReadAsStreamAsync();
        var text = isSlow ? await ReadSlowlyAsync(body) : await new StreamReader(body).ReadToEndAsync();
        report.Count(isSlow ? "streams read slowly" : "streams");
        return Check(text, isSlow);
    }

    private async Task LeaveAsync()
    {
        using var leave = new CancellationTokenSource();
        leave.CancelAfter(TimeSpan.FromMilliseconds(5 + (2_000 * Math.Pow(mix.NextShare(), 3))));
        try
        {
            using var response = await SendAsync(mix.Next().Body(stream: mix.NextShare() < 0.7), leave.Token);
            if (await IsAnswerAsync(response))
            {
                await response.Content.CopyToAsync(Stream.Null, leave.Token);
                report.Count("ended before the client left");
            }
        }
        catch (Exception) when (leave.IsCancellationRequested)
        {
            report.Count("left");
        }
    }

    private async Task MalformedAsync()
    {
        using var response = await SendAsync(mix.NextMalformed(), CancellationToken.None);
        var text = await response.Content.ReadAsStringAsync();
        report.Count($"malformed, status {(int)response.StatusCode}");
        if (response.StatusCode != HttpStatusCode.BadRequest || JsonNode.Parse(text)?["error"]?["message"] is null)
        {
            report.Violate($"A malformed request is answered with status {(int)response.StatusCode}: {text}");
        }
    }

    private async Task WholeAsync()
    {
        using var response = await SendAsync(mix.Next().Body(stream: false), CancellationToken.None);
        if (await IsAnswerAsync(response))
        {
            report.Count("answers in one piece");
            var text = await response.Content.ReadAsStringAsync();
            if (JsonNode.Parse(text)?["choices"]?[0]?["finish_reason"] is null)
            {
                report.Violate($"An answer has no reason of its end: {text}");
            }
        }
    }

    private Task<HttpResponseMessage> SendAsync(byte[] body, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions")
        {
            Content = new ByteArrayContent(body)
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            },
        };
        return http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    // A full queue is told, and waited for as long as it says.
    private async Task<bool> IsAnswerAsync(HttpResponseMessage response)
    {
        if (response.StatusCode == HttpStatusCode.OK)
        {
            return true;
        }

        report.Count($"status {(int)response.StatusCode}");
        var after = response.Headers.RetryAfter?.Delta;
        if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable)
            || after is null)
        {
            report.Violate($"A good request is answered with status {(int)response.StatusCode} and to be sent again "
                + $"after '{after}': {await response.Content.ReadAsStringAsync()}");
            return false;
        }

        await Task.Delay(after.Value * (1 + mix.NextShare()));
        return false;
    }

    private static async Task<string> ReadSlowlyAsync(Stream body)
    {
        var text = new MemoryStream();
        var buffer = new byte[256];
        for (var count = await body.ReadAsync(buffer); count > 0; count = await body.ReadAsync(buffer))
        {
            text.Write(buffer, 0, count);
            await Task.Delay(20);
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }

    private int Check(string text, bool isSlow)
    {
        const string Done = "data: [DONE]\n\n";
        if (!text.EndsWith(Done, StringComparison.Ordinal))
        {
            report.Violate($"A stream does not end (slow: {isSlow}): {text[Math.Max(0, text.Length - 300)..]}");
            return 0;
        }

        var events = text[..^Done.Length].Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        var (tokens, reasons) = (0, 0);
        foreach (var one in events)
        {
            var json = JsonNode.Parse(one["data: ".Length..])!;
            if (json["error"] is not null)
            {
                report.Violate($"A stream holds an error: {one}");
            }

            reasons += json["choices"]?.AsArray().FirstOrDefault()?["finish_reason"] is null ? 0 : 1;
            tokens += (int?)json["usage"]?["completion_tokens"] ?? 0;
        }

        if (reasons != 1)
        {
            report.Violate($"A stream has {reasons} reasons of its end.");
        }

        return tokens;
    }
}
