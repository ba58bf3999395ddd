namespace Slipway.Chat;

/// <summary>Follows a call character by character, far enough to know strings and the last closing bracket.</summary>
/// <remarks>Text before the JSON may hold square brackets; there only braces count.</remarks>
/// <param name="hasSingleQuotes">Whether strings may stand in single quotes too.</param>
internal struct BodyScanner(bool hasSingleQuotes)
{
    private int _depth;
    private char _quote;
    private bool _escaped;
    private bool _started;
    private bool _bracesOnly;

    /// <summary>Tells whether the last character stands inside a string.</summary>
    public readonly bool InString => _quote != '\0';

    /// <summary>Tells whether the bracket that closes the whole value has been read.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Takes the next character.</summary>
    public void Append(char c)
    {
        if (InString)
        {
            // A control character cannot stand in a string: the quote before it was never closed.
            var ends = c < ' ' || (!_escaped && c == _quote);
            _quote = ends ? '\0' : _quote;
            _escaped = !ends && !_escaped && c == '\\';
            return;
        }

        if (!_started && !char.IsWhiteSpace(c))
        {
            (_started, _bracesOnly) = (true, c != '[');
        }

        if (c == '"' || (c == '\'' && hasSingleQuotes))
        {
            _quote = c;
        }
        else if (c == '{' || (c == '[' && !_bracesOnly))
        {
            _depth++;
        }
        else if (c == '}' || (c == ']' && !_bracesOnly))
        {
            IsComplete = --_depth <= 0;
        }
    }
}
