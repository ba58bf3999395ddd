namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>Cuts a template into text, blocks, outputs and what stands inside them, as Jinja 3.1 does.</summary>
/// <remarks>
/// <c>trim_blocks</c>: the line feed behind a block or comment goes. <c>lstrip_blocks</c>: so does white space between
/// the line's start and one. A '-' in a tag takes all white space on its side, a '+' keeps it.
/// </remarks>
internal sealed class TemplateLexer
{
    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private readonly TagLexer _tags;
    private int _at, _line = 1;
    private bool _lineStarts = true;

    private TemplateLexer(string source)
    {
        _source = source;
        _tags = new TagLexer(source);
    }

    public static List<TemplateToken> Read(string source)
    {
        var text = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        TemplateLexer lexer = new(text.EndsWith('\n') ? text[..^1] : text);
        lexer.ReadAll();
        return lexer._tokens;
    }

    private void ReadAll()
    {
        while (_at < _source.Length)
        {
            var next = NextTag();
            if (next == _source.Length)
            {
                AddText(_source[_at..next]);
                break;
            }

            var kind = _source[next + 1];
            var control = next + 2 < _source.Length ? _source[next + 2] : '\0';
            AddText(BeforeTag(_source[_at..next], control, strips: kind != '{'));
            _line += _source.AsSpan(_at, next - _at).Count('\n');
            _at = next + (control is '-' or '+' ? 3 : 2);
            if (kind == '#')
            {
                SkipComment();
            }
            else if (kind == '%' && RawEnd() is { } content)
            {
                ReadRaw(content);
            }
            else
            {
                ReadTag(kind == '%');
            }
        }

        _tokens.Add(new TemplateToken(TokenKind.End, "the end of the template", _line));
    }

    private int NextTag()
    {
        for (var i = _at; i + 1 < _source.Length; i++)
        {
            if (_source[i] == '{' && (_source[i + 1] is '{' or '%' or '#'))
            {
                return i;
            }
        }

        return _source.Length;
    }

    private string BeforeTag(string text, char control, bool strips)
    {
        if (control == '-')
        {
            return CharacterKinds.Trim(text, CharacterKinds.IsSpace, start: false, end: true);
        }

        var lineStart = text.LastIndexOf('\n') + 1;
        return control != '+' && strips && (lineStart > 0 || _lineStarts)
            && text[lineStart..].All(CharacterKinds.IsSpace)
            ? text[..lineStart] : text;
    }

    private void AddText(string text)
    {
        if (text.Length > 0)
        {
            _tokens.Add(new TemplateToken(TokenKind.Text, text, _line));
        }
    }

    // Steps over the end of a tag: '-' takes the white space behind it, a block's or a comment's takes one line feed.
    private void EndTag(char control, bool trimsLine)
    {
        var start = _at;
        if (control == '-')
        {
            while (_at < _source.Length && CharacterKinds.IsSpace(_source[_at]))
            {
                _at++;
            }
        }
        else if (control != '+' && trimsLine && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
        }

        _line += _source.AsSpan(start, _at - start).Count('\n');
        _lineStarts = _source[_at - 1] == '\n';
    }

    private void SkipComment()
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw new ChatTemplateException("a comment '{#' has no '#}'.", _line);
        }

        _line += _source.AsSpan(_at, end - _at).Count('\n');
        var control = end > _at && _source[end - 1] is ('-' or '+') ? _source[end - 1] : '\0';
        _at = end + 2;
        EndTag(control, trimsLine: true);
    }

    private void ReadTag(bool block)
    {
        var control = _tags.Read(_at, _line, block, _tokens);
        (_at, _line) = (_tags.End, _tags.Line);
        EndTag(control, trimsLine: block);
    }

    // The position behind '{% raw %}', where this block is one.
    private int? RawEnd()
    {
        var at = SkipSpace(_at);
        if (!_source.AsSpan(at).StartsWith("raw"))
        {
            return null;
        }

        at = SkipSpace(at + 3);
        return _source.AsSpan(at).StartsWith("-%}") ? SkipSpace(at + 3)
            : _source.AsSpan(at).StartsWith("%}") ? at + 2 : null;
    }

    private void ReadRaw(int content)
    {
        _line += _source.AsSpan(_at, content - _at).Count('\n');
        _lineStarts = _source[content - 1] == '\n';
        for (var open = content; (open = _source.IndexOf("{%", open, StringComparison.Ordinal)) >= 0; open += 2)
        {
            var control = open + 2 < _source.Length && _source[open + 2] is ('-' or '+') ? _source[open + 2] : '\0';
            var name = SkipSpace(open + (control == '\0' ? 2 : 3));
            if (!_source.AsSpan(name).StartsWith("endraw"))
            {
                continue;
            }

            var close = SkipSpace(name + "endraw".Length);
            var last = close < _source.Length && _source[close] is ('-' or '+') ? _source[close++] : '\0';
            if (_source.AsSpan(close).StartsWith("%}"))
            {
                AddText(BeforeTag(_source[content..open], control, strips: true));
                _line += _source.AsSpan(content, close - content).Count('\n');
                _at = close + 2;
                EndTag(last, trimsLine: true);
                return;
            }
        }

        throw new ChatTemplateException("'{% raw %}' has no '{% endraw %}'.", _line);
    }

    private int SkipSpace(int at)
    {
        while (at < _source.Length && CharacterKinds.IsSpace(_source[at]))
        {
            at++;
        }

        return at;
    }
}
