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
    private readonly AnswerTags _textTags;
    private readonly AnswerTags _reasoningTags;
    private readonly Func<string, string> _newCallId;
    private readonly IReadOnlyList<AIFunctionDeclaration> _functions;
    private readonly StringBuilder _space = new();
    private readonly StringBuilder _body = new();
    private string _held = "";
    private State _state;
    private BodyScanner _scanner;
    private ToolCallFormat? _form; // of the call that is being read
    private bool _trimStart;
    private bool _atStart = true;
    private bool _isAfterBareCall;
    private bool _closesAnywhere;
    private bool _isComplete;

    /// <summary>Creates a parser for one answer.</summary>
    /// <param name="reasoning">How the model marks reasoning; null where it does not.</param>
    /// <param name="tools">How the model writes calls; null where it was offered no tools.</param>
    /// <param name="newCallId">Makes the id of a call of a function.</param>
    /// <param name="startsInReasoning">Whether the prompt has opened the reasoning already.</param>
    /// <param name="functions">The offered functions, whose schemas tell the types of arguments.</param>
    public ChatResponseParser(
        ReasoningFormat? reasoning,
        ToolCallFormat? tools,
        Func<string, string> newCallId,
        bool startsInReasoning = false,
        IReadOnlyList<AIFunctionDeclaration>? functions = null)
    {
        (_newCallId, _functions) = (newCallId, functions ?? []);
        _textTags = AnswerTags.InText(reasoning, tools);
        _state = startsInReasoning && reasoning is not null ? State.Reasoning : State.Text;
        _reasoningTags = AnswerTags.InReasoning(reasoning ?? ReasoningFormats.Unnamed, tools);
        _trimStart = _state == State.Reasoning;
    }

    private enum State
    {
        Text,
        Reasoning,
        Call,
    }

    /// <summary>
    /// Tells whether an object or a list that looks like a call is one only where it names an offered function.
    /// </summary>
    public bool ExpectsDocument { get; init; }

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
        _isComplete = true;
        Append("", contents);
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

        if (!_trimStart && _space.Length > 0)
        {
            contents.Add(NewText(_space.ToString()));
        }

        _space.Clear();
    }

    private int ReadText(string text, int at, List<AIContent> contents)
    {
        var tags = _state == State.Reasoning ? _reasoningTags : _textTags;
        var start = _isAfterBareCall ? SkipSeparators(text, at) : at;
        for (var i = start; i < text.Length; i++)
        {
            // Text goes out in one piece from here to where a tag may begin.
            var next = tags.IndexOfFirst(text.AsSpan(i));
            next = next < 0 ? text.Length : i + next;
            _atStart &= text.AsSpan(i, next - i).IsWhiteSpace();
            i = next;
            if (i == text.Length)
            {
                break;
            }

            var tag = tags.Match(text.AsSpan(i), _atStart, out var mayGoOn);
            if (mayGoOn && !_isComplete)
            {
                Emit(text.AsSpan(at, _isAfterBareCall ? 0 : i - at), contents);
                _held = text[(_isAfterBareCall ? at : i)..];
                return text.Length;
            }

            if (tag is not null)
            {
                Emit(text.AsSpan(at, _isAfterBareCall ? 0 : i - at), contents);
                return Enter(tag, i);
            }

            _atStart &= char.IsWhiteSpace(text[i]);
            _isAfterBareCall = false;
        }

        if (_isAfterBareCall && !_isComplete)
        {
            _held = text[at..];
            return text.Length;
        }

        Emit(text.AsSpan(at), contents);
        return text.Length;
    }

    // Calls that are answers in themselves may follow one another, a semicolon or a comma between them.
    private int SkipSeparators(string text, int at)
    {
        while (at < text.Length && (text[at] is ';' or ',' || char.IsWhiteSpace(text[at])))
        {
            at++;
        }

        if (at < text.Length)
        {
            var tag = _textTags.Match(text.AsSpan(at), isAtStart: true, out var mayGoOn);
            _isAfterBareCall = _atStart = tag is not null || mayGoOn;
        }

        return at;
    }

    private int Enter(AnswerTag tag, int at)
    {
        switch (tag.Kind)
        {
            case AnswerTagKind.Call:
                Enter(State.Call);
                _form = tag.Form;
                _scanner = new(tag.Form!.HasSingleQuotes);
                return tag.Form.OpenBelongsToBody ? at : at + tag.Text.Length;
            case AnswerTagKind.Reasoning:
                Enter(State.Reasoning);
                break;
            default:
                Enter(State.Text);
                break;
        }

        return at + tag.Text.Length;
    }

    private int ReadCall(string text, int at, List<AIContent> contents)
    {
        for (var i = at; i < text.Length; i++)
        {
            _body.Append(text[i]);
            _scanner.Append(text[i]);
            var close = _form!.Close;
            if (close is null ? _scanner.IsComplete : EndsWith(close) && (!_scanner.InString || IgnoresStrings))
            {
                var body = _body.ToString(0, _body.Length - (close?.Length ?? 0));
                EndCall(body, close ?? "", contents);
                return i + 1;
            }
        }

        return text.Length;
    }

    private bool IgnoresStrings => _closesAnywhere || !_form!.IsJson;

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
        var close = _form!.Close is { } tag ? body.IndexOf(tag, StringComparison.Ordinal) : -1;
        if (close < 0)
        {
            EndCall(body, "", contents);
            return true;
        }

        rest = body[(close + _form.Close!.Length)..];
        EndCall(body[..close], _form.Close, contents);
        return false;
    }

    private void EndCall(string body, string close, List<AIContent> contents)
    {
        var form = _form!;
        var written = (form.OpenBelongsToBody ? "" : form.Open) + body + close;
        Enter(State.Text);
        try
        {
            var calls = form.Parse(body, _functions);
            if (calls.Count == 0 || (ExpectsDocument && form.OpenBelongsToBody && !calls.All(IsOffered)))
            {
                Reject(written, contents);
                return;
            }

            foreach (var call in calls)
            {
                contents.Add(new FunctionCallContent(
                    _newCallId(call.Name), call.Name,
                    new Dictionary<string, object?>(call.Arguments, StringComparer.Ordinal)));
            }

            (_isAfterBareCall, _atStart) = (form.OnlyAtStart, form.OnlyAtStart);
        }
        catch (JsonException e)
        {
            var name = form.GuessName(body);
            if (form.OpenBelongsToBody && !IsOffered(new(name, new Dictionary<string, object?>())))
            {
                Reject(written, contents); // a text that begins as a call may
                return;
            }

            contents.Add(new FunctionCallContent(_newCallId(name), name)
            {
                Exception = new FormatException(
                    $"The model wrote a tool call that is malformed or cut off: {e.Message} The call's text is in "
                    + "RawRepresentation.",
                    e),
                RawRepresentation = written,
            });
        }
    }

    private bool IsOffered(ToolCall call) => _functions.Any(function => function.Name == call.Name);

    private void Reject(string written, List<AIContent> contents)
    {
        _trimStart = false;
        Emit(written, contents);
    }

    private void Enter(State state)
    {
        _state = state;
        _trimStart = true;
        _atStart = false;
        _isAfterBareCall = false;
        _space.Clear();
        _body.Clear();
        _scanner = default;
    }

    // White space waits until it is known whether a tag follows it.
    private void Emit(ReadOnlySpan<char> text, List<AIContent> contents)
    {
        if (_textTags.IsOnlyAtStart && !_atStart && _state == State.Text && !_trimStart && _space.Length == 0)
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
}
