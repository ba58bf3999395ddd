using System.Text.Json;
using System.Text.RegularExpressions;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Reads how long a model is to stay loaded: <c>5m</c>, <c>1h30m</c>, or seconds.</summary>
/// <remarks>The server was told at its start how long models stay, so that the time counts for nothing.</remarks>
internal static partial class KeepAlive
{
    /// <summary>Checks the form.</summary>
    /// <exception cref="OpenAIException">The text is no duration.</exception>
    public static void Check(JsonElement value)
    {
        if (!IsDuration(value))
        {
            throw OpenAIException.InvalidValue("keep_alive", value.ToString(), "a duration such as '5m', or seconds");
        }
    }

    /// <summary>Refuses what asks for unloading.</summary>
    /// <exception cref="OpenAIException">The text is no duration, or zero.</exception>
    public static void RequireLoad(JsonElement value)
    {
        Check(value);
        Require.Absent(
            value.IsGiven() && IsZero(value.ToString()), "keep_alive",
            "The server unloads models as it was told at its start.");
    }

    private static bool IsDuration(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.Number => true,
        JsonValueKind.String => value.GetString() is { } text && (text.Length == 0 || Duration().IsMatch(text)),
        _ => false,
    };

    private static bool IsZero(string text)
        => text.Length > 0 && !text.Any(character => char.IsBetween(character, '1', '9'));

    [GeneratedRegex(@"\A[-+]?(\d+|((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h))+)\z", RegexOptions.NonBacktracking)]
    private static partial Regex Duration();
}
