namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>A statement of a template.</summary>
internal abstract record Statement(int Line);

internal sealed record TextStatement(string Text, int Line) : Statement(Line);

internal sealed record OutputStatement(Expression Value, int Line) : Statement(Line);

internal sealed record IfStatement((Expression Test, Statement[] Body)[] Branches, Statement[] Otherwise, int Line)
    : Statement(Line);

internal sealed record ForStatement(
    Target Target, Expression Items, Expression? Condition, bool Recursive, Statement[] Body, Statement[] Otherwise,
    int Line)
    : Statement(Line);

internal sealed record SetStatement(Target Target, Expression Value, int Line) : Statement(Line);

internal sealed record SetBlockStatement(Target Target, Filter[] Filters, Statement[] Body, int Line) : Statement(Line);

internal sealed record WithStatement((Target Target, Expression Value)[] Variables, Statement[] Body, int Line)
    : Statement(Line);

internal sealed record FilterStatement(Filter[] Filters, Statement[] Body, int Line) : Statement(Line);

internal sealed record MacroStatement(Signature Signature, Statement[] Body, int Line) : Statement(Line);

internal sealed record CallStatement(Signature Signature, Call Call, Statement[] Body, int Line) : Statement(Line);

/// <summary>A block whose variables are its own and whose content stays, such as <c>generation</c>.</summary>
internal sealed record PlainBlock(Statement[] Body, int Line) : Statement(Line);

internal sealed record LoopControl(bool Break, int Line) : Statement(Line);

/// <summary>A place that values are assigned to.</summary>
internal abstract record Target;

internal sealed record NameTarget(string Name) : Target;

/// <summary>An attribute of a namespace.</summary>
internal sealed record AttributeTarget(string Name, string Attribute) : Target;

internal sealed record TupleTarget(Target[] Parts) : Target;

/// <summary>A macro's name and parameters; the body's names tell whether it takes more, and a caller.</summary>
internal sealed record Signature(
    string Name, (string Name, Expression? Default)[] Parameters, IReadOnlySet<string> Used)
{
    public bool TakesMore => Used.Contains("varargs");

    public bool TakesMoreNames => Used.Contains("kwargs");

    public bool TakesCaller => Used.Contains("caller");
}
