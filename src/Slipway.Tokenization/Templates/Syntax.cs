namespace Slipway.Tokenization.Templates;

/// <summary>An expression of a template.</summary>
internal abstract record Expression(int Line);

internal sealed record Literal(object? Value, int Line) : Expression(Line);

internal sealed record Variable(string Name, int Line) : Expression(Line);

internal sealed record ListExpression(Expression[] Items, int Line) : Expression(Line);

internal sealed record DictionaryExpression((Expression Key, Expression Value)[] Items, int Line) : Expression(Line);

internal sealed record Unary(string Operator, Expression Operand, int Line) : Expression(Line);

internal sealed record Binary(string Operator, Expression Left, Expression Right, int Line) : Expression(Line);

internal sealed record Comparison(Expression First, (string Operator, Expression Right)[] Rest, int Line) : Expression(Line);

internal sealed record Conditional(Expression Test, Expression Then, Expression? Otherwise, int Line) : Expression(Line);

internal sealed record Member(Expression Target, string Name, int Line) : Expression(Line);

internal sealed record Index(Expression Target, Expression Key, int Line) : Expression(Line);

internal sealed record Slice(Expression? Start, Expression? Stop, Expression? Step, int Line) : Expression(Line);

internal sealed record Call(Expression Target, Arguments Arguments, int Line) : Expression(Line);

internal sealed record Filter(Expression Input, string Name, Arguments Arguments, int Line) : Expression(Line);

internal sealed record Test(Expression Input, string Name, Expression[] Arguments, bool Negated, int Line) : Expression(Line);

/// <summary>The items of a list as so many arguments: <c>f(*list)</c>.</summary>
internal sealed record Spread(Expression Items, int Line) : Expression(Line);

internal sealed record Arguments(Expression[] Positional, (string Name, Expression Value)[] Named)
{
    public static Arguments None { get; } = new([], []);
}

/// <summary>A statement of a template.</summary>
internal abstract record Statement(int Line);

internal sealed record TextStatement(string Text, int Line) : Statement(Line);

internal sealed record OutputStatement(Expression Value, int Line) : Statement(Line);

internal sealed record IfStatement((Expression Test, Statement[] Body)[] Branches, Statement[] Otherwise, int Line)
    : Statement(Line);

internal sealed record ForStatement(
    string[] Targets, Expression Items, Expression? Condition, Statement[] Body, Statement[] Otherwise, int Line)
    : Statement(Line);

/// <summary>An assignment to variables, or to an attribute of a namespace.</summary>
internal sealed record SetStatement(string[] Targets, string? Attribute, Expression Value, int Line) : Statement(Line);

internal sealed record SetBlockStatement(string Target, string? Attribute, Filter[] Filters, Statement[] Body, int Line)
    : Statement(Line);

internal sealed record FilterStatement(Filter[] Filters, Statement[] Body, int Line) : Statement(Line);

internal sealed record MacroStatement(string Name, (string Name, Expression? Default)[] Parameters, Statement[] Body, int Line)
    : Statement(Line);

internal sealed record CallStatement((string Name, Expression? Default)[] Parameters, Call Call, Statement[] Body, int Line)
    : Statement(Line);

/// <summary>A block that changes nothing about its content, such as <c>generation</c>.</summary>
internal sealed record PlainBlock(Statement[] Body, int Line) : Statement(Line);

internal sealed record LoopControl(bool Break, int Line) : Statement(Line);
