using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Makes the updates of one answer from its tokens.</summary>
internal sealed class ChatResponseUpdateBuilder(
    PreparedChatRequest turn, ChatOptions? options, string modelId, DateTimeOffset createdAt)
{
    private readonly string _responseId = Guid.NewGuid().ToString("N");
    private readonly string _messageId = Guid.NewGuid().ToString("N");
    private readonly bool _oneCall = options?.AllowMultipleToolCalls == false;
    private readonly bool _showsReasoning = options?.Reasoning?.Output != ReasoningOutput.None;
    private readonly List<GeneratedToken> _logProbabilities = [];
    private int _toldTokens;
    private GeneratedToken? _last;
    private long _tokens;
    private long _reasoningTokens;
    private bool _hasCall;

    /// <summary>Tells whether no further token is wanted.</summary>
    public bool IsFinished => _oneCall && _hasCall;

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

        if (Filter(contents))
        {
            yield return NewUpdate(contents);
        }

        var last = NewUpdate([new UsageContent(Usage())]);
        last.FinishReason = _last?.FinishReason == FinishReason.Length ? ChatFinishReason.Length
            : _hasCall ? ChatFinishReason.ToolCalls
            : ChatFinishReason.Stop;
        if (turn.Request.LogProbabilities is not null)
        {
            last.AdditionalProperties = new() { ["logprobs"] = _logProbabilities };
        }

        yield return last;
    }

    private bool Filter(List<AIContent> contents)
    {
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
