using Microsoft.Extensions.AI;
using Slipway.Generation.Detokenization;

namespace Slipway.Chat;

/// <summary>Makes the updates of one answer from its tokens.</summary>
internal sealed class ChatResponseUpdateBuilder(
    PreparedChatRequest turn, ChatOptions? options, string modelId, DateTimeOffset createdAt)
{
    private readonly string _responseId = Guid.NewGuid().ToString("N");
    private readonly string _messageId = Guid.NewGuid().ToString("N");
    private readonly bool _oneCall = options?.AllowMultipleToolCalls == false;
    private readonly bool _showsReasoning = options?.Reasoning?.Output != ReasoningOutput.None;
    private readonly StopSequences? _stops = turn.TextStops.Count == 0 ? null : new(turn.TextStops);
    private readonly List<GeneratedToken> _logProbabilities = [];
    private int _toldTokens;
    private GeneratedToken? _last;
    private long _tokens;
    private long _reasoningTokens;
    private bool _hasCall;

    /// <summary>Tells whether no further token is wanted.</summary>
    public bool IsFinished => (_oneCall && _hasCall) || _stops is { IsMatched: true };

    /// <summary>Takes a token; null where nothing became certain with it.</summary>
    public ChatResponseUpdate? Append(GeneratedToken token)
    {
        var contents = new List<AIContent>();
        var inReasoning = turn.Parser.InReasoning;
        turn.Parser.Append(turn.Visible(token), contents);
        _last = token;
        if (turn.Request.LogProbabilities is not null)
        {
            _logProbabilities.Add(token);
        }

        _tokens++;
        _reasoningTokens += inReasoning || turn.Parser.InReasoning ? 1 : 0;
        return Filter(contents) ? NewUpdate(contents) : null;
    }

    /// <summary>Takes the end of the answer: what was held back, then the usage with the finish reason.</summary>
    public IEnumerable<ChatResponseUpdate> Complete()
    {
        var contents = new List<AIContent>();
        if (!IsFinished)
        {
            turn.Parser.Complete(contents);
        }

        if (Filter(contents, isEnd: true))
        {
            yield return NewUpdate(contents);
        }

        var last = NewUpdate([new UsageContent(Usage())]);
        last.FinishReason = _last?.FinishReason == FinishReason.Length && _stops is not { IsMatched: true }
            ? ChatFinishReason.Length
            : _hasCall ? ChatFinishReason.ToolCalls
            : ChatFinishReason.Stop;
        if (turn.Request.LogProbabilities is not null)
        {
            last.AdditionalProperties = new() { ["logprobs"] = _logProbabilities };
        }

        yield return last;
    }

    private bool Filter(List<AIContent> contents, bool isEnd = false)
    {
        if (_stops is not null)
        {
            Stop(contents, _stops, isEnd);
        }

        if (!_showsReasoning)
        {
            contents.RemoveAll(content => content is TextReasoningContent);
        }

        for (var i = 0; i < contents.Count; i++)
        {
            if (contents[i] is FunctionCallContent call)
            {
                ToolChoice.Protect(call, options);
                _hasCall |= !call.InformationalOnly;
                if (_oneCall)
                {
                    contents.RemoveRange(i + 1, contents.Count - i - 1);
                }
            }
        }

        return contents.Count > 0;
    }

    // Text that may be the start of a stop sequence is held back until it is known, or other content follows it.
    private static void Stop(List<AIContent> contents, StopSequences stops, bool isEnd)
    {
        AIContent[] given = [.. contents];
        contents.Clear();
        foreach (var content in given)
        {
            if (content is TextContent text)
            {
                Add(stops.Append(text.Text));
            }
            else
            {
                Add(stops.Flush());
                contents.Add(content);
            }

            if (stops.IsMatched)
            {
                return;
            }
        }

        if (isEnd)
        {
            Add(stops.Flush());
        }

        void Add(string piece)
        {
            if (piece.Length > 0)
            {
                contents.Add(new TextContent(piece));
            }
        }
    }

    private UsageDetails Usage()
    {
        var input = _last?.Usage?.PromptTokens ?? turn.Request.PromptIds.Count;
        var output = _last?.Usage?.OutputTokens ?? _tokens;
        return new()
        {
            InputTokenCount = input,
            OutputTokenCount = output,
            TotalTokenCount = input + output,
            CachedInputTokenCount = _last?.Usage?.CachedTokens,
            ReasoningTokenCount = _reasoningTokens,
        };
    }

    // With log-probabilities an update carries the tokens that came since the one before.
    private ChatResponseUpdate NewUpdate(List<AIContent> contents)
    {
        var update = new ChatResponseUpdate(ChatRole.Assistant, contents)
        {
            ResponseId = _responseId,
            MessageId = _messageId,
            ModelId = modelId,
            CreatedAt = createdAt,
            RawRepresentation = _toldTokens < _logProbabilities.Count ? _logProbabilities[_toldTokens..] : null,
        };
        _toldTokens = _logProbabilities.Count;
        return update;
    }
}
