using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Cli;

/// <summary>State that all verbs share: where they write, and how results look as JSON.</summary>
/// <param name="output">Standard output: results alone.</param>
/// <param name="error">Standard error: progress and everything else.</param>
/// <param name="input">Standard input.</param>
internal sealed class VerbContext(TextWriter output, TextWriter error, TextReader input)
{
    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public TextWriter Output => output;

    public TextWriter Error => error;

    public TextReader Input => input;

    /// <summary>Tells whether standard error is a terminal, so that progress may be drawn over itself.</summary>
    public bool ShowsProgress => ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected;

    /// <summary>Tells whether a person types at standard input.</summary>
    public bool IsInteractive => ReferenceEquals(input, Console.In) && !Console.IsInputRedirected;

    /// <summary>The option that each verb has.</summary>
    public static Option<bool> JsonOption() => new("--json")
    {
        Description = "Write one JSON document to standard output, everything else to standard error.",
    };

    /// <summary>A document as it is written, in lines.</summary>
    public static string ToText(JsonNode result) => result.ToJsonString(JsonOptions);

    public void WriteJson(JsonNode result) => output.WriteLine(ToText(result));
}
