namespace Slipway.AspNetCore.Tests.Golden;

/// <summary>Holds a request and the response that it must have.</summary>
internal sealed record GoldenExchange(
    string Method, string Path, IReadOnlyList<(string Name, string Value)> Headers, string Body, int Status,
    IReadOnlyList<(string Name, string Value)> ResponseHeaders, string ResponseBody);

/// <summary>Reads exchanges in the form of <c>.http</c> files, each followed by its response.</summary>
internal static class GoldenFile
{
    /// <summary>Reads the exchanges of a file, which lines of <c>###</c> part.</summary>
    public static IReadOnlyList<GoldenExchange> Read(string text)
        => [.. $"\n{text}".Split("\n###", StringSplitOptions.RemoveEmptyEntries).Where(
            part => part.Contains('\n', StringComparison.Ordinal)).Select(ReadExchange)];

    private static GoldenExchange ReadExchange(string part)
    {
        // The rest of the line that parts exchanges is a title.
        var text = part[part.IndexOf('\n', StringComparison.Ordinal)..].Trim('\n');
        var at = text.IndexOf("\nHTTP/1.1 ", StringComparison.Ordinal);
        Assert.True(at > 0, $"The exchange '{text}' has no response.");
        var (requestLine, headers, body) = ReadMessage(text[..at]);
        var (statusLine, responseHeaders, responseBody) = ReadMessage(text[(at + 1)..]);
        var words = requestLine.Split(' ');
        return new GoldenExchange(
            words[0], words[1], headers, body,
            int.Parse(statusLine.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), responseHeaders,
            responseBody);
    }

    private static (string First, IReadOnlyList<(string Name, string Value)> Headers, string Body) ReadMessage(
        string text)
    {
        var gap = text.IndexOf("\n\n", StringComparison.Ordinal);
        var (head, body) = gap < 0 ? (text, "") : (text[..gap], text[gap..].Trim('\n'));
        var lines = head.Trim('\n').Split('\n');
        return (
            lines[0], [.. lines.Skip(1).Select(line => line.Split(": ", 2)).Select(pair => (pair[0], pair[1]))], body);
    }
}
