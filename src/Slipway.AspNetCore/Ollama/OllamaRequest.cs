using System.Text.Json;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Holds what requests of <c>/api/chat</c> and <c>/api/generate</c> have in common.</summary>
internal abstract class OllamaRequest
{
    public required string Model { get; init; }

    /// <summary>Asks for the answer line by line, as it comes unless told.</summary>
    public bool? Stream { get; init; }

    /// <summary>The text <c>json</c>, or a JSON schema.</summary>
    public JsonElement Format { get; init; }

    /// <summary>Numbers and texts by the names of <see cref="OllamaOptions"/>.</summary>
    public JsonElement Options { get; init; }

    /// <summary>A boolean, or how much: <c>low</c>, <c>medium</c>, <c>high</c>.</summary>
    public JsonElement Think { get; init; }

    public bool? Logprobs { get; init; }

    public int? TopLogprobs { get; init; }

    /// <summary>A text such as <c>5m</c>, or seconds; zero with nothing to answer unloads the model.</summary>
    public JsonElement KeepAlive { get; init; }

    // Refused by name.
    public string? Template { get; init; }
}

/// <summary>Holds a request of <c>POST /api/chat</c>.</summary>
internal sealed class OllamaChatRequest : OllamaRequest
{
    /// <summary>The conversation; none loads the model.</summary>
    public IReadOnlyList<OllamaMessage>? Messages { get; init; }

    public IReadOnlyList<OllamaTool>? Tools { get; init; }
}

/// <summary>Holds a request of <c>POST /api/generate</c>.</summary>
internal sealed class OllamaGenerateRequest : OllamaRequest
{
    /// <summary>The user's message; none loads the model.</summary>
    public string? Prompt { get; init; }

    public string? System { get; init; }

    /// <summary>Images in Base64.</summary>
    public IReadOnlyList<string>? Images { get; init; }

    /// <summary>Asks for the prompt's continuation, without a template.</summary>
    public bool? Raw { get; init; }

    // Refused by name.
    public string? Suffix { get; init; }

    public JsonElement Context { get; init; }
}

/// <summary>Holds a message of a conversation.</summary>
internal sealed class OllamaMessage
{
    public required string Role { get; init; }

    public string? Content { get; init; }

    public string? Thinking { get; init; }

    /// <summary>Images in Base64.</summary>
    public IReadOnlyList<string>? Images { get; init; }

    public IReadOnlyList<OllamaCall>? ToolCalls { get; init; }

    /// <summary>The name of the tool whose result the message is.</summary>
    public string? ToolName { get; init; }

    /// <summary>The id of the call whose result the message is.</summary>
    public string? ToolCallId { get; init; }
}

/// <summary>Holds a tool that is offered.</summary>
internal sealed class OllamaTool
{
    public string? Type { get; init; }

    public required OllamaFunction Function { get; init; }
}

/// <summary>Holds a function that is offered.</summary>
internal sealed class OllamaFunction
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    /// <summary>The JSON schema of the arguments.</summary>
    public JsonElement Parameters { get; init; }
}

/// <summary>Holds a call, of a request or of an answer.</summary>
internal sealed class OllamaCall
{
    public string? Id { get; init; }

    public required OllamaCalledFunction Function { get; init; }
}

/// <summary>Holds a function's name and its arguments as a JSON object.</summary>
internal sealed class OllamaCalledFunction
{
    public int? Index { get; init; }

    public required string Name { get; init; }

    public JsonElement Arguments { get; init; }
}
