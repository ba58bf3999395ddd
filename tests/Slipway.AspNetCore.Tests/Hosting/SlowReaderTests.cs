using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Tests.Hosting;

/// <summary>Reads answers slowly, or not at all, over connections with small buffers.</summary>
public sealed class SlowReaderTests(ITestOutputHelper output)
{
    private const int PartBytes = 1000;
    private static readonly string Part = new('x', PartBytes);
    private int _written;
    private int _ended;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Client_ReadsNothing_IsCutAndItsPlaceIsFree(bool stream)
    {
        await using var server = await StartAsync(parts: 40_000, TimeSpan.FromSeconds(1), places: 1);
        using var client = await SendAsync(server, stream);
        await WaitAsync(() => _written > 0);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await AskAsync(server)).Status);

        await WaitAsync(async () => (await AskAsync(server)).Status == HttpStatusCode.OK);

        // What was written is what the buffers took, where it is sent as it comes.
        output.WriteLine($"{_written * PartBytes / 1e6:0.0} MB written, {_ended} ended");
        Assert.Equal(1, _ended);
        Assert.True(stream ? _written < 20_000 : _written == 40_000);
        Assert.DoesNotContain("[DONE]", await ReadAsync(client, 1 << 20, TimeSpan.Zero), StringComparison.Ordinal);
        Assert.Contains(server.Log.Lines, line => line.Contains("took nothing", StringComparison.Ordinal));
        Assert.DoesNotContain(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Client_ReadsSlowly_GetsItsWholeAnswer(bool stream)
    {
        var limit = TimeSpan.FromSeconds(2);
        await using var server = await StartAsync(parts: 4_000, limit, places: 1);
        using var client = await SendAsync(server, stream);
        var clock = Stopwatch.StartNew();

        var text = await ReadAsync(client, 32 << 10, TimeSpan.FromMilliseconds(40));

        output.WriteLine($"{text.Length / 1e6:0.0} MB in {clock.Elapsed.TotalSeconds:0.0} s");
        Assert.True(clock.Elapsed > limit);
        Assert.EndsWith("0\r\n\r\n", text, StringComparison.Ordinal);
        Assert.Contains(stream ? "data: [DONE]" : "\"finish_reason\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\"error\"", text, StringComparison.Ordinal);
    }

    /// <summary>Takes six minutes.</summary>
    [Fact(Explicit = true)]
    public async Task Clients_ReadSlowlyForMinutes_GetTheirWholeAnswersWhileOthersAreCut()
    {
        await using var server = await StartAsync(parts: 12_000, limit: null, places: 64);
        var slow = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            using var client = await SendAsync(server, stream: true);
            return await ReadAsync(client, 16 << 10, TimeSpan.FromMilliseconds(400));
        })).ToArray();
        var unread = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => SendAsync(server, stream: true)));
        var clock = Stopwatch.StartNew();

        var answers = await Task.WhenAll(slow);

        output.WriteLine($"{answers.Length} answers of {answers[0].Length / 1e6:0.0} MB in {clock.Elapsed}");
        Assert.All(answers, answer => Assert.Contains("data: [DONE]", answer, StringComparison.Ordinal));
        await WaitAsync(() => _ended == 32);
        foreach (var client in unread)
        {
            Assert.DoesNotContain(
                "[DONE]", await ReadAsync(client, 1 << 20, TimeSpan.Zero), StringComparison.Ordinal);
            client.Dispose();
        }
    }

    private Task<TestServer> StartAsync(int parts, TimeSpan? limit, int places) => TestServer.StartAsync(
        models => models.AddChatClient("m", _ => new FakeChatClient((messages, _, token) => messages[0].Text == "short"
            ? FakeChatClient.Updates(new TextContent("a")) : WriteAsync(parts, token))),
        options =>
        {
            options.ConcurrentRequests = places;
            options.SendTimeout = limit ?? options.SendTimeout;
        });

    private async IAsyncEnumerable<ChatResponseUpdate> WriteAsync(
        int parts, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            for (var part = 0; part < parts; part++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Interlocked.Increment(ref _written);
                yield return new ChatResponseUpdate(ChatRole.Assistant, Part);
                if (part % 100 == 0)
                {
                    await Task.Yield();
                }
            }
        }
        finally
        {
            Interlocked.Increment(ref _ended);
        }
    }

    private static Task<ServerAnswer> AskAsync(TestServer server) => server.PostAsync(
        "/v1/chat/completions", """{"model": "m", "messages": [{"role": "user", "content": "short"}]}""");

    // A client whose system keeps little for it.
    private static async Task<TcpClient> SendAsync(TestServer server, bool stream)
    {
        var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(IPAddress.Loopback, server.Address.Port, Cancelled);
        var body = $$"""
            {"model": "m", "messages": [{"role": "user", "content": "long"}], "stream": {{(stream ? "true" : "false")}}}
            """;
        await client.GetStream().WriteAsync(
            Encoding.UTF8.GetBytes(
                "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + $"Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"),
            Cancelled);
        return client;
    }

    private static async Task<string> ReadAsync(TcpClient client, int bytes, TimeSpan pause)
    {
        var (text, buffer) = (new StringBuilder(), new byte[bytes]);
        try
        {
            int count;
            while ((count = await client.GetStream().ReadAtLeastAsync(
                buffer, bytes, throwOnEndOfStream: false, Cancelled)) > 0)
            {
                text.Append(Encoding.ASCII.GetString(buffer, 0, count));
                await Task.Delay(pause, Cancelled);
            }
        }
        catch (IOException)
        {
            // The server has closed the connection.
        }

        return text.ToString();
    }

    private static Task WaitAsync(Func<bool> isSo) => WaitAsync(() => Task.FromResult(isSo()));

    private static async Task WaitAsync(Func<Task<bool>> isSoAsync)
    {
        while (!await isSoAsync())
        {
            await Task.Delay(20, Cancelled);
        }
    }
}
