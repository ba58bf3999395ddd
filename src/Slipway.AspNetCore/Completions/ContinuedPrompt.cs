using System.Text;
using Slipway.AspNetCore.ChatCompletions;

namespace Slipway.AspNetCore.Completions;

/// <summary>Collects one continuation of a prompt.</summary>
/// <param name="index">Its place among the choices.</param>
/// <param name="logprobs">Writes tokens; null where no log-probabilities are asked for.</param>
internal sealed class ContinuedPrompt(int index, LogprobWriter? logprobs)
{
    private readonly StringBuilder _text = new();
    private readonly List<string> _tokens = [];
    private readonly List<float?> _values = [];
    private readonly List<IReadOnlyDictionary<string, float>?> _alternatives = [];
    private readonly List<int> _offsets = [];
    private int _offset;
    private int _taken;
    private int _takenTokens;

    /// <summary>Why it ended; null while it goes on.</summary>
    public string? FinishReason { get; private set; }

    /// <summary>Tokens, once they are known.</summary>
    public Usage? Usage { get; private set; }

    /// <summary>Adds the prompt itself.</summary>
    public void Echo(string text, IReadOnlyList<int> ids, IReadOnlyList<TokenScore> scores)
    {
        _text.Append(text);
        if (logprobs is not null)
        {
            // Nothing comes before the first token, so nothing predicts it.
            AddToken(ids[0], null, null);
            foreach (var score in scores)
            {
                AddToken(score.Id, score.LogProbability, score.Alternatives);
            }
        }
    }

    /// <summary>Adds a token.</summary>
    public void Append(GeneratedToken token)
    {
        _text.Append(token.Text);
        if (logprobs is not null)
        {
            AddToken(token.Id, token.LogProbability, token.Alternatives);
        }

        Usage = token.Usage ?? Usage;
        FinishReason = token.FinishReason switch
        {
            null => null,
            Slipway.FinishReason.Length => "length",
            _ => "stop",
        };
    }

    /// <summary>Ends where nothing was to be generated.</summary>
    public void End() => FinishReason ??= "length";

    /// <summary>Gives what came since the last time.</summary>
    public CompletionChoice Take()
    {
        var (text, from) = (_text.ToString(_taken, _text.Length - _taken), _takenTokens);
        (_taken, _takenTokens) = (_text.Length, _tokens.Count);
        return new CompletionChoice(
            index, text,
            logprobs is null ? null : new CompletionLogprobs(
                _tokens[from..], _values[from..], _alternatives[from..], _offsets[from..]),
            FinishReason);
    }

    private void AddToken(int id, float? value, IReadOnlyList<TokenLogProbability>? alternatives)
    {
        var text = logprobs!.TextOf(id);
        _tokens.Add(text);
        _values.Add(value);
        _offsets.Add(_offset);
        _offset += text.Length;

        // Two tokens may have one text; the more probable comes first.
        Dictionary<string, float>? top = alternatives is null ? null : [];
        foreach (var other in alternatives ?? [])
        {
            top!.TryAdd(logprobs.TextOf(other.Id), other.LogProbability);
        }

        // The API tells of the token itself too, so that there may be one more than were asked for.
        if (value is { } own)
        {
            top?.TryAdd(text, own);
        }

        _alternatives.Add(top);
    }
}
