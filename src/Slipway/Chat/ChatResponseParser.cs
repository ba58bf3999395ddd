using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Splits a model's text, as it arrives, into text, reasoning and tool calls.</summary>
/// <remarks>
/// What comes out does not depend on where the text was cut. Text that could be the start of a tag is held back until
/// it is decided, a call until it is whole. White space beside a tag is markup and dropped. Work is linear in the
/// text, and nothing is lost: a malformed call carries its text in <see cref="AIContent.RawRepresentation"/>.
/// For one answer and one thread at a time.
/// </remarks>
internal sealed class ChatResponseParser
{
    private readonly ReasoningFormat? _reasoning;
    private readonly ToolCallFormat? _tools;
    private readonly Func<string> _newCallId;
    private readonly StringBuilder _space = new();
    private readonly StringBuilder _body = new();
    private string _held = "";
    private State _state;
    private JsonBodyScanner _scanner;
    private bool _trimStart;
    private bool _atStart = true;
    private bool _closesAnywhere;

    /// <summary>Creates a parser for one answer.</summary>
    /// <param name="reasoning">How the model marks reasoning; null where it does not.</param>
    /// <param name="tools">How the model writes calls; null where it was offered no tools.</param>
    /// <param name="newCallId">Makes the id of a call.</param>
    /// <param name="startsInReasoning">Whether the prompt has opened the reasoning already.</param>
    public ChatResponseParser(
        ReasoningFormat? reasoning,
        ToolCallFormat? tools,
        Func<string> newCallId,
        bool startsInReasoning = false)
    {
        (_reasoning, _tools, _newCallId) = (reasoning, tools, newCallId);
        _state = startsInReasoning && reasoning is not null ? State.Reasoning : State.Text;
        _trimStart = _state == State.Reasoning;
    }

    private enum State
    {
        Text,
        Reasoning,
        Call,
    }

    /// <summary>Tells whether the text so far ends inside the reasoning.</summary>
    public bool InReasoning => _state == State.Reasoning;

    /// <summary>Takes the next piece of the answer and adds what became certain.</summary>
    public void Append(string text, List<AIContent> contents)
    {
        if (_held.Length > 0)
        {
            text = _held + text;
            _held = "";
        }

        for (var at = 0; at < text.Length;)
        {
            at = _state == State.Call ? ReadCall(text, at, contents) : ReadText(text, at, contents);
        }
    }

    /// <summary>Takes the end of the answer and adds what was held back.</summary>
    public void Complete(List<AIContent> contents)
    {
        if (_state == State.Call && !TryEndUnclosedCall(contents, out var rest))
        {
            // A quote that was never closed hid the closing tag: from here on a tag ends a call wherever it stands.
            _closesAnywhere = true;
            Append(rest, contents);
            if (_state == State.Call)
            {
                TryEndUnclosedCall(contents, out _);
            }
        }

        Emit(_held, contents);
        if (!_trimStart && _space.Length > 0)
        {
            contents.Add(NewText(_space.ToString()));
        }

        _held = "";
        _space.Clear();
    }

    private int ReadText(string text, int at, List<AIContent> contents)
    {
        for (var i = at; i < text.Length; i++)
        {
            var rest = text.AsSpan(i);
            var partial = false;
            if (_state == State.Reasoning)
            {
                if (IsTag(rest, _reasoning!.Close, ref partial))
                {
                    Emit(text.AsSpan(at, i - at), contents);
                    Enter(State.Text);
                    return i + _reasoning.Close.Length;
                }
            }
            else if (_reasoning is not null && IsTag(rest, _reasoning.Open, ref partial))
            {
                Emit(text.AsSpan(at, i - at), contents);
                Enter(State.Reasoning);
                return i + _reasoning.Open.Length;
            }
            else if (_tools is not null && (_atStart || !_tools.OnlyAtStart) && IsTag(rest, _tools.Open, ref partial))
            {
                Emit(text.AsSpan(at, i - at), contents);
                Enter(State.Call);
                return _tools.OpenBelongsToBody ? i : i + _tools.Open.Length;
            }

            if (partial)
            {
                Emit(text.AsSpan(at, i - at), contents);
                _held = text[i..];
                return text.Length;
            }

            _atStart &= char.IsWhiteSpace(text[i]);
        }

        Emit(text.AsSpan(at), contents);
        return text.Length;
    }

    private int ReadCall(string text, int at, List<AIContent> contents)
    {
        for (var i = at; i < text.Length; i++)
        {
            _body.Append(text[i]);
            _scanner.Append(text[i]);
            var close = _tools!.Close;
            if (close is null ? _scanner.IsComplete : EndsWith(close) && (!_scanner.InString || IgnoresStrings))
            {
                var body = _body.ToString(0, _body.Length - (close?.Length ?? 0));
                EndCall(body, close ?? "", contents);
                return i + 1;
            }
        }

        return text.Length;
    }

    private bool IgnoresStrings => _closesAnywhere || !_tools!.IsJson;

    private bool EndsWith(string close)
    {
        var start = _body.Length - close.Length;
        if (start < 0 || _body[^1] != close[^1])
        {
            return false;
        }

        for (var i = close.Length - 2; i >= 0; i--)
        {
            if (_body[start + i] != close[i])
            {
                return false;
            }
        }

        return true;
    }

    // False where a closing tag was passed over; the text after it is then still to be read.
    private bool TryEndUnclosedCall(List<AIContent> contents, out string rest)
    {
        var body = _body.ToString();
        rest = "";
        var close = _tools!.Close is { } tag ? body.IndexOf(tag, StringComparison.Ordinal) : -1;
        if (close < 0)
        {
            EndCall(body, "", contents);
            return true;
        }

        rest = body[(close + _tools.Close!.Length)..];
        EndCall(body[..close], _tools.Close, contents);
        return false;
    }

    private void EndCall(string body, string close, List<AIContent> contents)
    {
        var open = _tools!.OpenBelongsToBody ? "" : _tools.Open;
        Enter(State.Text);
        try
        {
            var calls = _tools.Parse(body);
            foreach (var call in calls)
            {
                contents.Add(new FunctionCallContent(_newCallId(), call.Name, call.Arguments));
            }

            if (calls.Count == 0)
            {
                _trimStart = false;
                Emit(open + body + close, contents);
            }
        }
        catch (JsonException e)
        {
            contents.Add(new FunctionCallContent(_newCallId(), _tools.GuessName(body))
            {
                Exception = new FormatException(
                    $"The model wrote a tool call that is malformed or cut off: {e.Message} The call's text is in "
                    + "RawRepresentation.",
                    e),
                RawRepresentation = open + body + close,
            });
        }
    }

    private void Enter(State state)
    {
        _state = state;
        _trimStart = true;
        _atStart = false;
        _space.Clear();
        _body.Clear();
        _scanner = default;
    }

    // White space waits until it is known whether a tag follows it.
    private void Emit(ReadOnlySpan<char> text, List<AIContent> contents)
    {
        if (_reasoning is null && _tools is null)
        {
            AddText(text, contents);
            return;
        }

        text = _trimStart ? text.TrimStart() : text;
        var visible = text.TrimEnd();
        if (visible.Length > 0)
        {
            _trimStart = false;
            AddText(_space.Append(visible).ToString(), contents);
            _space.Clear();
        }

        _space.Append(text[visible.Length..]);
    }

    private void AddText(ReadOnlySpan<char> text, List<AIContent> contents)
    {
        if (text.Length > 0)
        {
            contents.Add(NewText(text.ToString()));
        }
    }

    private AIContent NewText(string text)
        => _state == State.Reasoning ? new TextReasoningContent(text) : new TextContent(text);

    private static bool IsTag(ReadOnlySpan<char> rest, string tag, ref bool partial)
    {
        if (rest[0] != tag[0])
        {
            return false;
        }

        if (rest.Length >= tag.Length)
        {
            return rest.StartsWith(tag, StringComparison.Ordinal);
        }

        partial |= tag.AsSpan().StartsWith(rest, StringComparison.Ordinal);
        return false;
    }
}
