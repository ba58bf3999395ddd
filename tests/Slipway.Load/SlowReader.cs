using System.Net.Sockets;
using System.Text;

namespace Slipway.Load;

/// <summary>Takes large answers slowly for as long as the load lasts, or takes nothing of them.</summary>
/// <remarks>Its system keeps no more than some kilobytes for it, so that the server is the one that waits.</remarks>
/// <param name="server">The server's address.</param>
/// <param name="report">Takes what comes back.</param>
internal sealed class SlowReader(Uri server, LoadReport report)
{
    private const int BufferBytes = 4096, ReadBytes = 512;

    // A slow reader takes 2,000 bytes a second, which is twice as much as a server asks for that waits 60 seconds.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);

    /// <summary>Takes one answer after the other, slowly until the token ends it; the last one whole.</summary>
    public async Task ReadAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            using var client = await SendAsync(",\"max_tokens\":96");
            if (await BeginAsync(client, stop) is not { } begin)
            {
                continue;
            }

            var text = begin + await RestAsync(client, stop);
            if (text.EndsWith("0\r\n\r\n", StringComparison.Ordinal)
                && text.Contains("data: [DONE]", StringComparison.Ordinal)
                && !text.Contains("{\"error\":", StringComparison.Ordinal))
            {
                report.Count("streams read for minutes");
            }
            else
            {
                report.Violate($"A slow reader's stream does not end: {text[Math.Max(0, text.Length - 300)..]}");
            }
        }
    }

    /// <summary>Takes the beginning of an answer and nothing more until the token ends it.</summary>
    public async Task StallAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            // Some 4 MB, more than the buffers on the way have room for.
            using var client = await SendAsync(",\"n\":2,\"max_tokens\":900");
            if (await BeginAsync(client, stop) is null)
            {
                continue;
            }

            await DelayAsync(Timeout.InfiniteTimeSpan, stop);
            var text = await RestAsync(client, stop);
            report.Count(text.Contains("data: [DONE]", StringComparison.Ordinal)
                ? "unread streams that buffers had room for" : "unread streams cut");
        }
    }

    private async Task<TcpClient> SendAsync(string limit)
    {
        var client = new TcpClient { ReceiveBufferSize = BufferBytes };
        await client.ConnectAsync(server.Host, server.Port);
        var body = $$"""
            {"model": "model", "messages": [{"role": "user", "content": "Tell me about the sea."}], "stream": true,
             "ignore_eos": true, "logprobs": true, "top_logprobs": 20{{limit}}}
            """;
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        return client;
    }

    // The beginning of an answer; null where it was refused, which is waited for.
    private async Task<string?> BeginAsync(TcpClient client, CancellationToken stop)
    {
        var buffer = new byte[ReadBytes];
        var count = await client.GetStream().ReadAsync(buffer, CancellationToken.None);
        var text = Encoding.ASCII.GetString(buffer, 0, count);
        if (text.StartsWith("HTTP/1.1 200", StringComparison.Ordinal))
        {
            return text;
        }

        if (!text.StartsWith("HTTP/1.1 429", StringComparison.Ordinal))
        {
            report.Violate($"A slow reader is answered with '{text}'.");
        }

        await DelayAsync(TimeSpan.FromSeconds(1), stop);
        return null;
    }

    private static async Task<string> RestAsync(TcpClient client, CancellationToken stop)
    {
        var (text, buffer) = (new StringBuilder(), new byte[ReadBytes]);
        try
        {
            int count;
            while ((count = await client.GetStream().ReadAtLeastAsync(
                buffer, ReadBytes, throwOnEndOfStream: false, CancellationToken.None)) > 0)
            {
                text.Append(Encoding.ASCII.GetString(buffer, 0, count));
                await DelayAsync(Pause, stop);
            }
        }
        catch (IOException)
        {
            // The server has closed the connection.
        }

        return text.ToString();
    }

    // Ends early, and without an exception, when the token does.
    private static async Task DelayAsync(TimeSpan time, CancellationToken stop) => await Task.Delay(time, stop)
        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
}
