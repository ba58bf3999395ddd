using System.Text;

namespace Slipway.Chat;

/// <summary>Names the members of a call that is a JSON object.</summary>
/// <param name="Name">The member with the function's name.</param>
/// <param name="Arguments">The member with its arguments.</param>
internal sealed record JsonCallKeys(string Name, string Arguments)
{
    /// <summary>The members <c>name</c> and <c>arguments</c>.</summary>
    public static JsonCallKeys Usual { get; } = new("name", "arguments");

    /// <summary>The text between the object's bracket and the name.</summary>
    public string Before { get; init; } = "";

    /// <summary>The text behind the object.</summary>
    public string After { get; init; } = "";

    /// <summary>Writes a call.</summary>
    public string Write(ToolCall call)
        => $"{Prefix(call.Name)}{call.WriteArguments()}}}{After}";

    /// <summary>Writes a list of calls.</summary>
    public string WriteList(IReadOnlyList<ToolCall> calls)
        => new StringBuilder().Append('[').AppendJoin(", ", calls.Select(Write)).Append(']').ToString();

    /// <summary>The beginning of a call of a function, up to its arguments; of any function, up to its name.</summary>
    public string Prefix(string? function)
        => $"{{{Before}\"{Name}\": " + (function is null ? "\"" : $"{PythonJson.Quote(function)}, \"{Arguments}\": ");
}
