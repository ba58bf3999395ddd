using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Slipway.Tokenization.Templates;

/// <summary>Cuts a template into text, blocks, outputs and what stands inside them.</summary>
internal sealed class TemplateLexer
{
    private static readonly string[] Operators =
        ["**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "(", ")", "[", "]", "{", "}", "|", ",", ":",
         ".", "=", "<", ">"];

    private static readonly Regex EndRaw = new(@"\{%[-+]?\s*endraw\s*[-+]?%\}", RegexOptions.NonBacktracking);

    private readonly string source;
    private readonly List<TemplateToken> tokens = [];
    private int at;
    private int line = 1;

    private TemplateLexer(string source) => this.source = source;

    public static List<TemplateToken> Read(string source)
    {
        string text = source.ReplaceLineEndings("\n");
        TemplateLexer lexer = new(text.EndsWith('\n') ? text[..^1] : text);
        lexer.ReadAll();
        return lexer.tokens;
    }

    private void ReadAll()
    {
        bool trimNewline = false, trimSpace = false;
        while (at < source.Length)
        {
            int next = NextTag();
            string text = source[at..next];
            int textLine = line;
            line += text.AsSpan().Count('\n');
            if (trimSpace)
            {
                text = text.TrimStart();
            }
            else if (trimNewline && text.StartsWith('\n'))
            {
                text = text[1..];
            }

            (trimNewline, trimSpace) = (false, false);
            if (next == source.Length)
            {
                AddText(text, textLine);
                at = next;
                break;
            }

            char kind = source[next + 1];
            char control = next + 2 < source.Length ? source[next + 2] : '\0';
            if (control == '-')
            {
                text = text.TrimEnd();
            }
            else if (kind != '{' && control != '+')
            {
                text = WithoutIndent(text, next);
            }

            AddText(text, textLine);
            at = next + (control is '-' or '+' ? 3 : 2);
            trimSpace = kind == '#' ? SkipComment() : ReadTag(kind == '%');
            trimNewline = kind != '{';
            if (kind == '%' && IsRaw())
            {
                (trimNewline, trimSpace) = ReadRaw(trimSpace);
            }
        }

        tokens.Add(new TemplateToken(TokenKind.End, "the end of the template", line));
    }

    private int NextTag()
    {
        for (int i = at; i + 1 < source.Length; i++)
        {
            if (source[i] == '{' && (source[i + 1] is '{' or '%' or '#'))
            {
                return i;
            }
        }

        return source.Length;
    }

    // lstrip_blocks: white space between the line's start and a block or comment goes.
    private string WithoutIndent(string text, int tag)
    {
        int start = text.Length;
        while (start > 0 && (text[start - 1] is ' ' or '\t'))
        {
            start--;
        }

        int before = tag - (text.Length - start) - 1;
        return before < 0 || source[before] == '\n' ? text[..start] : text;
    }

    private void AddText(string text, int textLine)
    {
        if (text.Length > 0)
        {
            tokens.Add(new TemplateToken(TokenKind.Text, text, textLine));
        }
    }

    private bool SkipComment()
    {
        int end = source.IndexOf("#}", at, StringComparison.Ordinal);
        if (end < 0)
        {
            throw Error("a comment '{#' has no '#}'.");
        }

        line += source.AsSpan(at, end - at).Count('\n');
        bool trim = end > at && source[end - 1] == '-';
        at = end + 2;
        return trim;
    }

    private bool ReadTag(bool block)
    {
        string close = block ? "%}" : "}}";
        tokens.Add(new(block ? TokenKind.BlockBegin : TokenKind.OutputBegin, block ? "{%" : "{{", line));
        int depth = 0;
        while (true)
        {
            SkipSpace();
            if (at >= source.Length)
            {
                throw Error($"'{(block ? "{%" : "{{")}' has no '{close}'.");
            }

            ReadOnlySpan<char> rest = source.AsSpan(at);
            bool trim = rest[0] == '-' && rest[1..].StartsWith(close);
            if (depth == 0 && (trim || rest.StartsWith(close) || (rest[0] == '+' && rest[1..].StartsWith(close))))
            {
                at += rest.StartsWith(close) ? 2 : 3;
                tokens.Add(new(block ? TokenKind.BlockEnd : TokenKind.OutputEnd, close, line));
                return trim;
            }

            TemplateToken token = ReadToken(rest);
            depth += token is { Kind: TokenKind.Operator, Value: "(" or "[" or "{" } ? 1
                : token is { Kind: TokenKind.Operator, Value: ")" or "]" or "}" } ? -1 : 0;
            tokens.Add(token);
        }
    }

    private void SkipSpace()
    {
        while (at < source.Length && char.IsWhiteSpace(source[at]))
        {
            line += source[at++] == '\n' ? 1 : 0;
        }
    }

    private TemplateToken ReadToken(ReadOnlySpan<char> rest)
    {
        if (char.IsLetter(rest[0]) || rest[0] == '_')
        {
            int length = 1;
            while (length < rest.Length && (char.IsLetterOrDigit(rest[length]) || rest[length] == '_'))
            {
                length++;
            }

            at += length;
            return new(TokenKind.Name, rest[..length].ToString(), line);
        }

        if (char.IsAsciiDigit(rest[0]))
        {
            return ReadNumber(rest);
        }

        if (rest[0] is '\'' or '"')
        {
            return ReadQuoted(rest[0]);
        }

        foreach (string candidate in Operators)
        {
            if (rest.StartsWith(candidate))
            {
                at += candidate.Length;
                return new(TokenKind.Operator, candidate, line);
            }
        }

        throw Error($"the character '{rest[0]}' is not expected here.");
    }

    private TemplateToken ReadNumber(ReadOnlySpan<char> rest)
    {
        int length = 0;
        bool isFloat = false;
        while (length < rest.Length)
        {
            char c = rest[length];
            bool point = c == '.' && !isFloat && length + 1 < rest.Length && char.IsAsciiDigit(rest[length + 1]);
            bool exponent = c is 'e' or 'E' && length + 1 < rest.Length
                && (char.IsAsciiDigit(rest[length + 1]) || rest[length + 1] is '-' or '+');
            if (!char.IsAsciiDigit(c) && c != '_' && !point && !exponent)
            {
                break;
            }

            isFloat |= point || exponent;
            length += exponent ? 2 : 1;
        }

        at += length;
        return new(isFloat ? TokenKind.Float : TokenKind.Integer, rest[..length].ToString().Replace("_", ""), line);
    }

    private TemplateToken ReadQuoted(char quote)
    {
        int start = line;
        StringBuilder value = new();
        for (at++; at < source.Length && source[at] != quote; at++)
        {
            line += source[at] == '\n' ? 1 : 0;
            if (source[at] != '\\' || at + 1 >= source.Length)
            {
                value.Append(source[at]);
                continue;
            }

            at++;
            int digits = source[at] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0 && at + digits < source.Length
                && int.TryParse(source.AsSpan(at + 1, digits), NumberStyles.AllowHexSpecifier,
                    CultureInfo.InvariantCulture, out int code))
            {
                value.Append(Rune.IsValid(code) ? new Rune(code).ToString() : "\uFFFD");
                at += digits;
                continue;
            }

            value.Append(source[at] switch
            {
                'n' => "\n", 't' => "\t", 'r' => "\r", '0' => "\0", 'b' => "\b", 'f' => "\f", 'v' => "\v",
                '\\' or '\'' or '"' => source[at].ToString(), '\n' => "",
                _ => "\\" + source[at],
            });
        }

        if (at >= source.Length)
        {
            throw new ChatTemplateException($"a string has no closing {quote}.", start);
        }

        at++;
        return new(TokenKind.Quoted, value.ToString(), start);
    }

    private bool IsRaw() => tokens.Count >= 3 && tokens[^3].Kind == TokenKind.BlockBegin && tokens[^2].Value == "raw";

    private (bool TrimNewline, bool TrimSpace) ReadRaw(bool trimSpace)
    {
        tokens.RemoveRange(tokens.Count - 3, 3);
        Match end = EndRaw.Match(source, at);
        if (!end.Success)
        {
            throw Error("'{% raw %}' has no '{% endraw %}'.");
        }

        string text = source[at..end.Index];
        int textLine = line;
        line += text.AsSpan().Count('\n') + end.Value.AsSpan().Count('\n');
        text = trimSpace ? text.TrimStart() : text.StartsWith('\n') ? text[1..] : text;
        AddText(end.Value[2] == '-' ? text.TrimEnd() : text, textLine);
        at = end.Index + end.Length;
        return (true, end.Value[^3] == '-');
    }

    private ChatTemplateException Error(string message) => new(message, line);
}
