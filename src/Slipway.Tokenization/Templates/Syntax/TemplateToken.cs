namespace Slipway.Tokenization.Templates.Syntax;

internal enum TokenKind
{
    Text,
    OutputBegin,
    OutputEnd,
    BlockBegin,
    BlockEnd,
    Name,
    Quoted,
    Number,
    Operator,
    End,
}

/// <summary>
/// A token of a template. <see cref="TokenKind.Quoted"/> is a quoted string, with its escapes resolved.
/// </summary>
internal readonly record struct TemplateToken(TokenKind Kind, string Value, int Line);
