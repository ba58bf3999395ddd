namespace Slipway.Chat;

/// <summary>Follows JSON character by character, far enough to know strings and the last closing bracket.</summary>
/// <remarks>Text before the JSON may hold square brackets; there only braces count.</remarks>
internal struct JsonBodyScanner
{
    private int _depth;
    private bool _escaped;
    private bool _started;
    private bool _bracesOnly;

    /// <summary>Tells whether the last character stands inside a string.</summary>
    public bool InString { get; private set; }

    /// <summary>Tells whether the bracket that closes the whole value has been read.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Takes the next character.</summary>
    public void Append(char c)
    {
        if (InString)
        {
            // A control character cannot stand in a string: the quote before it was never closed.
            InString = c >= ' ' && (_escaped || c != '"');
            _escaped = InString && !_escaped && c == '\\';
            return;
        }

        if (!_started && !char.IsWhiteSpace(c))
        {
            (_started, _bracesOnly) = (true, c != '[');
        }

        var isBracket = c == '{' || (c == '[' && !_bracesOnly);
        if (c == '"')
        {
            InString = true;
        }
        else if (isBracket)
        {
            _depth++;
        }
        else if (c == '}' || (c == ']' && !_bracesOnly))
        {
            IsComplete = --_depth <= 0;
        }
    }
}
