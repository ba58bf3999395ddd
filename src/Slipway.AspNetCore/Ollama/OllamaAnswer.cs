using System.Text.Json.Serialization;
using Slipway.AspNetCore.ChatCompletions;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Holds an answer, or a line of one; durations are in nanoseconds.</summary>
internal abstract class OllamaAnswer
{
    [JsonPropertyOrder(-3)]
    public string Model { get; set; } = "";

    [JsonPropertyOrder(-2)]
    public DateTimeOffset CreatedAt { get; set; }

    public bool Done { get; set; }

    /// <summary>One of <c>stop</c>, <c>length</c> and <c>load</c>; null while the answer goes on.</summary>
    public string? DoneReason { get; set; }

    public IReadOnlyList<TokenLogprob>? Logprobs { get; set; }

    public long? TotalDuration { get; set; }

    public long? LoadDuration { get; set; }

    public long? PromptEvalCount { get; set; }

    public long? PromptEvalDuration { get; set; }

    public long? EvalCount { get; set; }

    public long? EvalDuration { get; set; }

    /// <summary>Sets what the model wrote.</summary>
    public abstract void Set(string text, string? thinking, IReadOnlyList<OllamaCall>? calls);
}

/// <summary>Holds an answer of <c>/api/chat</c>.</summary>
internal sealed class OllamaChatAnswer : OllamaAnswer
{
    [JsonPropertyOrder(-1)]
    public OllamaAnswerMessage Message { get; private set; } = new("", null, null);

    public override void Set(string text, string? thinking, IReadOnlyList<OllamaCall>? calls)
        => Message = new(text, thinking, calls);
}

/// <summary>Holds the message of an answer.</summary>
internal sealed record OllamaAnswerMessage(string Content, string? Thinking, IReadOnlyList<OllamaCall>? ToolCalls)
{
    [JsonPropertyOrder(-1)]
    public string Role { get; } = "assistant";
}

/// <summary>Holds an answer of <c>/api/generate</c>.</summary>
internal sealed class OllamaGenerateAnswer : OllamaAnswer
{
    [JsonPropertyOrder(-1)]
    public string Response { get; private set; } = "";

    public string? Thinking { get; private set; }

    public override void Set(string text, string? thinking, IReadOnlyList<OllamaCall>? calls)
        => (Response, Thinking) = (text, thinking);
}
