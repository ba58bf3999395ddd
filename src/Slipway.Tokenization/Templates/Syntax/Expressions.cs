namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>An expression of a template.</summary>
internal abstract record Expression(int Line);

internal sealed record Literal(object? Value, int Line) : Expression(Line);

internal sealed record Variable(string Name, int Line) : Expression(Line);

internal sealed record ListExpression(Expression[] Items, int Line) : Expression(Line);

internal sealed record TupleExpression(Expression[] Items, int Line) : Expression(Line);

internal sealed record DictionaryExpression((Expression Key, Expression Value)[] Items, int Line) : Expression(Line);

internal sealed record Unary(string Operator, Expression Operand, int Line) : Expression(Line);

internal sealed record Binary(string Operator, Expression Left, Expression Right, int Line) : Expression(Line);

internal sealed record Comparison(Expression First, (string Operator, Expression Right)[] Rest, int Line)
    : Expression(Line);

internal sealed record Conditional(Expression Test, Expression Then, Expression? Otherwise, int Line)
    : Expression(Line);

internal sealed record Member(Expression Target, string Name, int Line) : Expression(Line);

internal sealed record Item(Expression Target, Expression Key, int Line) : Expression(Line);

internal sealed record Slice(Expression? Start, Expression? Stop, Expression? Step, int Line) : Expression(Line);

internal sealed record Call(Expression Target, Arguments Arguments, int Line) : Expression(Line);

internal sealed record Filter(Expression Input, string Name, Arguments Arguments, int Line) : Expression(Line);

internal sealed record Test(Expression Input, string Name, Arguments Arguments, bool Negated, int Line)
    : Expression(Line);

/// <summary>The arguments of a call; <c>*list</c> and <c>**dictionary</c> come last.</summary>
internal sealed record Arguments(
    Expression[] Positional, (string Name, Expression Value)[] Named, Expression? More, Expression? MoreNamed)
{
    public static Arguments None { get; } = new([], [], null, null);
}
