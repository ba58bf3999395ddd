using System.Diagnostics;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Repository.Tests;

/// <summary>Runs the sample of a native server, as .NET runs it and as a native program.</summary>
public sealed class NativeServerTests(ITestOutputHelper output)
{
    private const string Package = "models/device-assistant/int4";

    [Fact]
    public async Task Run_WithoutReflectionOfJson_Answers()
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        await AnswersAsync("dotnet", Path.Combine(
            SharedAssets.Repository, "artifacts", "bin", "NativeServer", configuration, "NativeServer.dll"));
    }

    [Fact(Explicit = true)]
    public async Task Publish_AsANativeProgram_HasNoWarningsAndAnswers()
    {
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo(
            "dotnet",
            [
                "publish", "samples/NativeServer", "-c", "Release", "-p:PublishAot=true", "-o", folder.Path,
                "--artifacts-path", folder["build"],
            ])
        {
            WorkingDirectory = SharedAssets.Repository, RedirectStandardOutput = true,
        };
        using var publish = Process.Start(start)!;
        var text = await publish.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await publish.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(publish.ExitCode == 0, text);
        Assert.DoesNotContain("warning", text, StringComparison.OrdinalIgnoreCase);
        foreach (var file in new[] { "NativeServer", "libonnxruntime.so", "libe_sqlite3.so" })
        {
            output.WriteLine($"{file}: {new FileInfo(folder[file]).Length / 1e6:F1} MB");
        }

        await AnswersAsync(folder["NativeServer"]);
    }

    private async Task AnswersAsync(string program, params string[] arguments)
    {
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(SharedAssets.Repository, Package)),
            $"'{Package}' is not there; train and export the device assistant.");
        var clock = Stopwatch.StartNew();
        using var server = Process.Start(new ProcessStartInfo(
            program, [.. arguments, Package, "http://127.0.0.1:0"])
        {
            WorkingDirectory = SharedAssets.Repository, RedirectStandardOutput = true,
        })!;
        try
        {
            const string Listening = "Now listening on: ";
            var line = "";
            while (line?.Contains(Listening, StringComparison.Ordinal) == false)
            {
                line = await server.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
            }

            Assert.NotNull(line);
            output.WriteLine($"ready after {clock.ElapsedMilliseconds} ms");
            using var http = new HttpClient { BaseAddress = new Uri(line.Split(Listening)[1]) };
            clock.Restart();
            var answer = await PostAsync(http, "chat/completions", """
                {"model": "int4", "messages": [{"role": "user", "content": "Hello!"}]}
                """);
            Assert.Contains("Hello! What can I do for you?", answer, StringComparison.Ordinal);
            output.WriteLine($"first answer after {clock.ElapsedMilliseconds} ms");
            var call = await PostAsync(http, "chat/completions", """
                {"model": "int4", "stream": true, "messages": [{"role": "user", "content": "Turn on the kitchen light."}],
                "tools": [{"type": "function", "function": {"name": "set_light", "parameters": {"type": "object",
                "properties": {"room": {"type": "string"}, "on": {"type": "boolean"}}, "required": ["room", "on"]}}}]}
                """);
            Assert.Contains("\"name\":\"set_light\"", call, StringComparison.Ordinal);
            Assert.EndsWith("data: [DONE]\n\n", call, StringComparison.Ordinal);
            var response = JsonNode.Parse(await PostAsync(
                http, "responses", """{"model": "int4", "input": "Hello!"}"""))!;
            Assert.Contains(
                "Hello!", await http.GetStringAsync(
                    $"v1/responses/{response["id"]}", TestContext.Current.CancellationToken),
                StringComparison.Ordinal);
            server.Refresh();
            output.WriteLine($"resident {server.WorkingSet64 / 1e6:F0} MB");
        }
        finally
        {
            server.Kill();
        }
    }

    private static async Task<string> PostAsync(HttpClient http, string path, string body)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await http.PostAsync($"v1/{path}", content, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        return text;
    }
}
