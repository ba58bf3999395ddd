using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>Runs the server as a process of its own, and ends it in the ways in which processes end.</summary>
public sealed class ServeProcessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Package => Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Kill_WhileResponsesAreStored_LosesNoneThatWasAcknowledged()
    {
        var arguments = new[] { "--responses", _folder["responses.db"] };
        var acknowledged = new ConcurrentBag<string>();
        using (var server = await ServerProcess.StartAsync("exec \"$@\"", Package, arguments))
        {
            var clients = Enumerable.Range(0, 4).Select(async _ =>
            {
                while (true)
                {
                    acknowledged.Add(await RespondAsync(server.Http));
                }
            }).ToArray();
            while (acknowledged.Count < 20)
            {
                await Task.Delay(5, Token);
            }

            server.Process.Kill();
            await ((Task)Task.WhenAll(clients)).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        using var again = await ServerProcess.StartAsync("exec \"$@\"", Package, arguments);
        foreach (var id in acknowledged)
        {
            using var response = await again.Http.GetAsync(new Uri($"v1/responses/{id}", UriKind.Relative), Token);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var kept = JsonNode.Parse(await response.Content.ReadAsStringAsync(Token))!;
            Assert.Equal("Hello! What can I do for you?", (string?)kept["output"]![0]!["content"]![0]!["text"]);
        }
    }

    [Fact]
    public async Task Settings_OfTheEnvironment_Hold()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The shell is that of Unix.");
        using var server = await ServerProcess.StartAsync(
            "SLIPWAY_Model__ContextLength=64 SLIPWAY_Server__ApiKeys__0=secret exec \"$@\"", Package);
        using var refused = await server.Http.GetAsync(new Uri("v1/models", UriKind.Relative), Token);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        server.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "secret");
        using var content = new StringContent(
            """{"model": "int4", "prompt": "Hello!"}""", Encoding.UTF8, "application/json");
        using var response = await server.Http.PostAsync(new Uri("v1/tokenize", UriKind.Relative), content, Token);
        var tokens = JsonNode.Parse(await response.Content.ReadAsStringAsync(Token))!;
        Assert.Equal(64, (int?)tokens["max_model_len"]);
    }

    [Theory]
    [InlineData("SLIPWAY_Server__Colour=red", "'Server:Colour' is no setting; expected one of AdaptersPath, ")]
    [InlineData("SLIPWAY_Model__Colour=red", "'Model:Colour' is no setting; expected one of AllowSpinning, ")]
    [InlineData("SLIPWAY_Server__SendTimeout=soon", "'soon' at 'Server:SendTimeout'")]
    [InlineData("SLIPWAY_Server__SendTimeout=0", "SendTimeout is '00:00:00'; expected more than zero")]
    [InlineData("SLIPWAY_Model__MaxBatchSize=0", "MaxBatchSize is '0'; expected from 1 to 4096.")]
    public async Task Settings_ThatAreWrong_AreOneLine(string setting, string words)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The shell is that of Unix.");
        using var process = ToolProcess.Start($"{setting} exec \"$@\"", ["serve", Package, "--port", "0"]);
        var error = await process.StandardError.ReadToEndAsync(Token);
        await process.WaitForExitAsync(Token);
        Assert.Equal(1, process.ExitCode);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Terminate_WhileStreaming_EndsTheStreamAndTurnsNewRequestsAway()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are those of Unix.");
        using var server = await ServerProcess.StartAsync("exec \"$@\"", Package, ["--drain-seconds", "60"]);
        using var request = Post("v1/completions", """
            {"model": "int4", "prompt": "Turn", "max_tokens": 900, "ignore_eos": true, "stream": true, "n": 32}
            """);
        using var response = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Token));
        Assert.StartsWith("data: {", await reader.ReadLineAsync(Token), StringComparison.Ordinal);
        await ToolProcess.RequireAsync(
            "kill", "-TERM", server.Process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));

        // The signal takes a moment to arrive; until then requests are answered.
        var (refused, retryAfter) = (HttpStatusCode.OK, (RetryConditionHeaderValue?)null);
        while (refused == HttpStatusCode.OK)
        {
            using var late = Post("v1/completions", """{"model": "int4", "prompt": "Turn", "max_tokens": 1}""");
            using var turned = await server.Http.SendAsync(late, Token);
            (refused, retryAfter) = (turned.StatusCode, turned.Headers.RetryAfter);
        }

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused);
        Assert.Equal(TimeSpan.FromSeconds(1), retryAfter?.Delta);
        var rest = await reader.ReadToEndAsync(Token);
        Assert.EndsWith("data: [DONE]\n\n", rest, StringComparison.Ordinal);
        await server.Process.WaitForExitAsync(Token);
        Assert.Equal(0, server.Process.ExitCode);
    }

    [Fact]
    public async Task Telemetry_ToAnEndpointOfTheEnvironment_IsOfTheCallersTraceAndHoldsNoPrompt()
    {
        using var collector = new Collector();
        using var server = await ServerProcess.StartAsync(
            $"OTEL_EXPORTER_OTLP_ENDPOINT={collector.Address} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf "
            + "OTEL_BSP_SCHEDULE_DELAY=100 OTEL_METRIC_EXPORT_INTERVAL=200 OTEL_SERVICE_NAME=under-test exec \"$@\"",
            Package, ["--log-json"]);
        var trace = ActivityTraceId.CreateRandom();
        using var request = Post(
            "v1/chat/completions", """{"model": "int4", "messages": [{"role": "user", "content": "xyzzy"}]}""");
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        using (var response = await server.Http.SendAsync(request, Token))
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        var bytes = new byte[16];
        trace.CopyTo(bytes);
        while (!collector.Holds("/v1/traces", bytes) || !collector.Holds("/v1/traces", "chat int4"u8)
            || !collector.Holds("/v1/metrics", "slipway.output_tokens"u8))
        {
            await Task.Delay(20, Token);
        }

        Assert.True(collector.Holds("/v1/traces", "gen_ai.usage.output_tokens"u8));
        Assert.True(collector.Holds("/v1/traces", "under-test"u8));
        Assert.False(collector.Holds("", "xyzzy"u8));
    }

    private static async Task<string> RespondAsync(HttpClient http)
    {
        using var request = Post("v1/responses", """{"model": "int4", "input": "Hello!", "temperature": 0}""");
        using var response = await http.SendAsync(request, Token);
        response.EnsureSuccessStatusCode();
        return (string)JsonNode.Parse(await response.Content.ReadAsStringAsync(Token))!["id"]!;
    }

    private static HttpRequestMessage Post(string path, string body) => new(HttpMethod.Post, path)
    {
        Content = new StringContent(body, Encoding.UTF8, "application/json"),
    };

    /// <summary>The tool serving a package, on a free port.</summary>
    private sealed class ServerProcess : IDisposable
    {
        private ServerProcess(Process process, HttpClient http) => (Process, Http) = (process, http);

        public Process Process { get; }

        public HttpClient Http { get; }

        public static async Task<ServerProcess> StartAsync(string shell, string package, params string[] arguments)
        {
            var process = ToolProcess.Start(shell, ["serve", package, "--port", "0", .. arguments]);
            _ = process.StandardError.ReadToEndAsync(CancellationToken.None);
            var line = await process.StandardOutput.ReadLineAsync(Token) ?? "";
            Assert.Contains(" at http://", line, StringComparison.Ordinal);
            return new ServerProcess(
                process, new HttpClient { BaseAddress = new Uri($"{line.Split(" at ")[1].Split("/v1")[0]}/") });
        }

        public void Dispose()
        {
            if (!Process.HasExited)
            {
                Process.Kill();
            }

            Process.Dispose();
            Http.Dispose();
        }
    }

    /// <summary>Takes what an exporter of OpenTelemetry sends.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly ConcurrentBag<(string Path, byte[] Body)> _received = [];

        public Collector()
        {
            using (var port = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0))
            {
                port.Start();
                Address = $"http://127.0.0.1:{((IPEndPoint)port.LocalEndpoint).Port}";
            }

            _listener.Prefixes.Add($"{Address}/");
            _listener.Start();
            _ = ReceiveAsync();
        }

        public string Address { get; }

        public bool Holds(string path, ReadOnlySpan<byte> bytes)
        {
            foreach (var (sent, body) in _received)
            {
                if (sent.StartsWith(path, StringComparison.Ordinal) && body.AsSpan().IndexOf(bytes) >= 0)
                {
                    return true;
                }
            }

            return false;
        }

        public void Dispose() => _listener.Close();

        private async Task ReceiveAsync()
        {
            while (_listener.IsListening)
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                _received.Add((context.Request.Url!.AbsolutePath, body.ToArray()));
                context.Response.Close();
            }
        }
    }
}
