using System.Text;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Golden;

/// <summary>Sends the requests of <c>.http</c> files and compares the responses with those that follow them.</summary>
/// <remarks>
/// The responses are written after the published references of OpenAI's and Ollama's APIs. Members may come in any
/// order, but none more and none less. Texts in double braces stand for what differs from run to run
/// (<see cref="GoldenJson"/>).
/// </remarks>
internal static class GoldenRunner
{
    private static readonly string Folder = Path.Combine(
        SharedAssets.Repository, "tests", "Slipway.AspNetCore.Tests", "Golden");

    /// <summary>The files, by their paths in the folder.</summary>
    public static IReadOnlyList<string> Files { get; } =
    [
        .. Directory.EnumerateFiles(Folder, "*.http", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Folder, file).Replace('\\', '/')).Order(StringComparer.Ordinal),
    ];

    /// <summary>Reads the exchanges of a file.</summary>
    public static IReadOnlyList<GoldenExchange> Read(string file)
        => GoldenFile.Read(File.ReadAllText(Path.Combine(Folder, file)));

    /// <summary>Runs the exchanges of a file one after the other.</summary>
    public static async Task RunAsync(TestServer server, string file)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var exchange in Read(file))
        {
            await RunAsync(server, exchange, values);
        }
    }

    private static async Task RunAsync(
        TestServer server, GoldenExchange exchange, Dictionary<string, string> values)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(exchange.Method), GoldenJson.Fill(exchange.Path, values));
        if (exchange.Body.Length > 0)
        {
            request.Content = new ByteArrayContent(
                Encoding.UTF8.GetBytes(GoldenJson.Fill(exchange.Body, values)));
        }

        foreach (var (name, value) in exchange.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.Add(name, value);
            }
        }

        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True((int)response.StatusCode == exchange.Status, $"{(int)response.StatusCode}: {text}");
        foreach (var (name, value) in exchange.ResponseHeaders)
        {
            var found = response.Headers.TryGetValues(name, out var values1) ? values1
                : response.Content.Headers.TryGetValues(name, out var values2) ? values2 : [];
            Assert.Equal(value, string.Join(", ", found));
        }

        AssertBody(exchange.ResponseBody, text, response.Content.Headers.ContentType?.MediaType, values);
    }

    private static void AssertBody(string expected, string text, string? type, Dictionary<string, string> values)
    {
        switch (type)
        {
            case "application/json":
                GoldenJson.AssertEqual(expected, text, values);
                break;
            case "application/x-ndjson" or "text/event-stream":
                AssertEach(Lines(expected), Lines(text), values);
                break;
            default:
                Assert.Equal(expected, text);
                break;
        }
    }

    // Lines of a stream: JSON alone or after 'data: ', else as they are.
    private static void AssertEach(string[] expected, string[] lines, Dictionary<string, string> values)
    {
        foreach (var (index, line) in expected.Index())
        {
            Assert.True(index < lines.Length, $"Line '{line}' is missing.");
            var json = line.IndexOf('{', StringComparison.Ordinal);
            if (json < 0)
            {
                Assert.Equal(line, lines[index]);
                continue;
            }

            Assert.StartsWith(line[..json], lines[index], StringComparison.Ordinal);
            GoldenJson.AssertEqual(line[json..], lines[index][json..], values);
        }

        Assert.True(
            expected.Length == lines.Length, $"'{string.Join('\n', lines.Skip(expected.Length))}' is too much.");
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
