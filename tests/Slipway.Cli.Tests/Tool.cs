using System.Text.Json.Nodes;

namespace Slipway.Cli.Tests;

/// <summary>Runs the tool in this process, as a shell would.</summary>
internal static class Tool
{
    public static Task<ToolRun> RunAsync(params string[] arguments) => RunAsync("", arguments);

    public static async Task<ToolRun> RunAsync(string input, string[] arguments)
    {
        using StringWriter output = new(), error = new();
        using StringReader reader = new(input);
        var code = await CommandLine.RunAsync(arguments, output, error, reader);
        return new ToolRun(code, output.ToString(), error.ToString());
    }
}

internal sealed record ToolRun(int Code, string Output, string Error)
{
    /// <summary>The one JSON document on standard output.</summary>
    public JsonNode Json
    {
        get
        {
            Assert.True(Code == 0, Error);
            return JsonNode.Parse(Output)!;
        }
    }
}
