using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.ChatCompletions;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Collects what a model wrote: a part of an answer, or all of it.</summary>
internal sealed class OllamaParts
{
    private readonly StringBuilder _text = new(), _thinking = new();
    private readonly List<OllamaCall> _calls = [];
    private readonly List<TokenLogprob> _logprobs = [];

    /// <summary>Tells that nothing was written.</summary>
    public bool IsEmpty => _text.Length == 0 && _thinking.Length == 0 && _calls.Count == 0 && _logprobs.Count == 0;

    /// <summary>Adds an update.</summary>
    /// <param name="update">The update.</param>
    /// <param name="logprobs">Writes log-probabilities; null where none are asked for.</param>
    /// <param name="calls">The number of calls before it.</param>
    /// <returns>The number of calls after it.</returns>
    public int Add(ChatResponseUpdate update, LogprobWriter? logprobs, int calls)
    {
        foreach (var content in update.Contents)
        {
            switch (content)
            {
                case TextReasoningContent reasoning:
                    _thinking.Append(reasoning.Text);
                    break;
                case TextContent text:
                    _text.Append(text.Text);
                    break;
                case FunctionCallContent { Exception: not null, RawRepresentation: string written }:
                    // Arguments are objects here: what is none stays the text that it is.
                    _text.Append(written);
                    break;
                case FunctionCallContent call:
                    _calls.Add(Call(call, calls++));
                    break;
            }
        }

        if (logprobs is not null && update.RawRepresentation is IReadOnlyList<GeneratedToken> { Count: > 0 } tokens)
        {
            _logprobs.AddRange(logprobs.Write(tokens).Content);
        }

        return calls;
    }

    /// <summary>Writes the parts into an answer.</summary>
    public T WriteTo<T>(T answer)
        where T : OllamaAnswer
    {
        answer.Set(
            _text.ToString(), _thinking.Length == 0 ? null : _thinking.ToString(), _calls.Count == 0 ? null : _calls);
        answer.Logprobs = _logprobs.Count == 0 ? null : _logprobs;
        return answer;
    }

    private static OllamaCall Call(FunctionCallContent call, int index)
    {
        using var arguments = JsonDocument.Parse(ChatCompletionWriter.Arguments(call));
        return new OllamaCall
        {
            Id = call.CallId,
            Function = new() { Index = index, Name = call.Name, Arguments = arguments.RootElement.Clone() },
        };
    }
}
