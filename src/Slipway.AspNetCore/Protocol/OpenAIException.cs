namespace Slipway.AspNetCore.Protocol;

/// <summary>Says what is wrong with a request, as an error object of OpenAI's API.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">What is wrong, what was expected and what to do.</param>
/// <param name="param">The path of the parameter, such as <c>messages[0].role</c>; null where it is none.</param>
/// <param name="code">The code that programs look at; null for none.</param>
internal sealed class OpenAIException(int status, string message, string? param = null, string? code = null)
    : Exception(message)
{
    /// <summary>The HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>The type of the error object.</summary>
    public string Type { get; } = status switch
    {
        403 => "permission_error",
        429 => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };

    /// <summary>The path of the parameter.</summary>
    public string? Param { get; } = param;

    /// <summary>The code.</summary>
    public string? Code { get; } = code;

    /// <summary>Seconds after which the request may be sent again; null where that does not help.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The error object.</summary>
    public ErrorResponse Response => new(new ErrorBody(Message, Type, Param, Code));

    /// <summary>A value that is not among those that a parameter takes.</summary>
    public static OpenAIException InvalidValue(string param, string? value, string expected)
        => new(400, $"'{param}' is '{Excerpt(value)}'; expected {expected}.", param, "invalid_value");

    /// <summary>A value of another JSON type.</summary>
    public static OpenAIException InvalidType(string param, string kind, string expected)
        => new(400, $"'{param}' is {kind}; expected {expected}.", param, "invalid_type");

    /// <summary>A parameter that is missing.</summary>
    public static OpenAIException Missing(string param)
        => new(400, $"'{param}' is missing.", param, "missing_required_parameter");

    /// <summary>A parameter that this server does not serve.</summary>
    public static OpenAIException Unsupported(string param, string message)
        => new(400, message, param, "unsupported_parameter");

    /// <summary>A text of the request, cut where it is long, in one line.</summary>
    public static string Excerpt(string? text)
    {
        const int Longest = 80;
        var line = string.Concat((text ?? "").Take(Longest).Select(
            character => char.IsControl(character) || char.IsSurrogate(character) ? ' ' : character));
        return text is { Length: > Longest } ? line + "…" : line;
    }
}

/// <summary>Holds an error as a response has it.</summary>
internal sealed record ErrorResponse(ErrorBody Error);

/// <summary>Holds what is wrong.</summary>
internal sealed record ErrorBody(
    string Message,
    string Type,
    [property: System.Text.Json.Serialization.JsonIgnore(
        Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)] string? Param,
    [property: System.Text.Json.Serialization.JsonIgnore(
        Condition = System.Text.Json.Serialization.JsonIgnoreCondition.Never)] string? Code);
