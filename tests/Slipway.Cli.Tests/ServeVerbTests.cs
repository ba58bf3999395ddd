using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class ServeVerbTests
{
    private static string Package => Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Serve_Package_AnswersUntilItIsStopped(bool hasPage)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var server = CommandLine.RunAsync(
            [
                "serve", Package, $"home={Package}", "--port", "0", "--api-key", "secret", "--alias", "house=home",
                "--load-at-start", "--idle-timeout", "60", "--memory", "1GiB",
                .. hasPage ? [] : (string[])["--no-page"],
            ],
            TextWriter.Synchronized(output), error, TextReader.Null, stop.Token);
        while (!output.ToString().Contains("/v1", StringComparison.Ordinal) && !server.IsCompleted)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.StartsWith("Serving 'int4', 'home' at http://127.0.0.1:", output.ToString(), StringComparison.Ordinal);
        var address = output.ToString().Split(" at ")[1].Split('/', 4)[2];
        using var http = new HttpClient { BaseAddress = new Uri($"http://{address}/") };
        http.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
        using var content = new StringContent(
            """{"model": "house", "messages": [{"role": "user", "content": "Hello!"}]}""", Encoding.UTF8,
            "application/json");
        using var response = await http.PostAsync(
            "v1/chat/completions", content, TestContext.Current.CancellationToken);
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal("Hello! What can I do for you?", (string?)answer["choices"]![0]!["message"]!["content"]);
        using var page = await http.GetAsync(new Uri("/", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(hasPage ? HttpStatusCode.OK : HttpStatusCode.NotFound, page.StatusCode);
        Assert.Equal(hasPage, output.ToString().Contains("a page to try them", StringComparison.Ordinal));
        while (await HealthAsync(http) == "loading")
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        Assert.Equal("ready", await HealthAsync(http));
        var health = await Tool.RunAsync("health", $"http://{address}", "--json");
        Assert.True((bool)health.Json["ready"]!);
        Assert.Contains(
            "slipway_output_tokens", await http.GetStringAsync("metrics", TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
        await stop.CancelAsync();
        Assert.Equal(0, await server);
        Assert.Equal("", error.ToString());
    }

    private static async Task<string> HealthAsync(HttpClient http)
    {
        using var response = await http.GetAsync(
            new Uri("health", UriKind.Relative), TestContext.Current.CancellationToken);
        return await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("Others can reach '0.0.0.0', and no key is asked for.", "--host", "0.0.0.0")]
    [InlineData("'nowhere' in --host is no address", "--host", "nowhere")]
    [InlineData("--port is '70000'", "--port", "70000")]
    [InlineData("There is no folder 'no-such'; expected a package.", "", "no-such")]
    [InlineData("--idle-timeout is '0'", "--idle-timeout", "0")]
    [InlineData("--memory is 'lots'; expected bytes, such as 8GiB or 500MB.", "--memory", "lots")]
    [InlineData("'a=b' in --alias is no NAME=MODEL of one of 'int4'.", "--alias", "a=b")]
    [InlineData("There is no folder 'no-such'; expected one of adapters.", "--adapters-folder", "no-such")]
    [InlineData("Two packages are called 'int4'. Name them", "", "")]
    [InlineData("Two models are called 'int4'.", "--alias", "int4=int4")]
    [InlineData("'app.example' in --cors is no origin", "--cors", "app.example")]
    [InlineData("--drain-seconds is '-1'", "--drain-seconds", "-1")]
    [InlineData("Threads is '0'; expected from 1", "--threads", "0")]
    [InlineData("RequestsPerMinute is '0'", "--requests-per-minute", "0")]
    [InlineData("'/no/such/responses.db' cannot keep responses", "--responses", "/no/such/responses.db")]
    public async Task Serve_WrongUsage_IsOneLine(string words, string name, string value)
    {
        var run = await Tool.RunAsync(
            ["serve", Package, .. name.Length > 0 ? [name, value] : (string[])[value.Length > 0 ? value : Package]]);
        Assert.Equal(1, run.Code);
        Assert.Contains(words, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }
}
