using System.Runtime.CompilerServices;

namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>Reads expressions, weakest operator first, with Jinja's precedence.</summary>
internal sealed class ExpressionParser
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    private readonly TokenReader _reader;
    private readonly PrimaryParser _primary;

    public ExpressionParser(TokenReader reader)
    {
        _reader = reader;
        _primary = new PrimaryParser(reader, this);
    }

    /// <summary>An expression, or several with commas between them as a tuple.</summary>
    /// <param name="withConditional">Takes an 'if' as part of the expression.</param>
    /// <param name="inParentheses">Allows the empty tuple.</param>
    public Expression ParseTuple(bool withConditional = true, bool inParentheses = false)
    {
        var line = _reader.Current.Line;
        if (inParentheses && _reader.IsOperator(")"))
        {
            return new TupleExpression([], line);
        }

        var first = ParseExpression(withConditional);
        if (!_reader.IsOperator(","))
        {
            return first;
        }

        List<Expression> items = [first];
        while (_reader.TakeOperator(",") && !EndsTuple())
        {
            items.Add(ParseExpression(withConditional));
        }

        return new TupleExpression([.. items], line);
    }

    public Expression ParseExpression(bool withConditional = true)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var value = ParseOr();
        while (withConditional && _reader.Current is { Kind: TokenKind.Name, Value: "if" } token)
        {
            _reader.Take();
            var test = ParseOr();
            var otherwise = _reader.TakeName("else") ? ParseExpression() : null;
            value = new Conditional(test, value, otherwise, token.Line);
        }

        return value;
    }

    public Arguments ParseArguments()
    {
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? more = null, moreNamed = null;
        _reader.ExpectOperator("(");
        while (!_reader.TakeOperator(")"))
        {
            if (moreNamed is not null)
            {
                throw _reader.Unexpected("')'");
            }

            if (_reader.IsOperator("*") && more is null)
            {
                _reader.Take();
                more = ParseExpression();
            }
            else if (_reader.TakeOperator("**"))
            {
                moreNamed = ParseExpression();
            }
            else if (_reader.Current.Kind == TokenKind.Name
                && _reader.Following is { Kind: TokenKind.Operator, Value: "=" })
            {
                var name = _reader.Take().Value;
                _reader.Take();
                named.Add((name, ParseExpression()));
            }
            else if (more is null && named.Count == 0)
            {
                positional.Add(ParseExpression());
            }
            else
            {
                throw _reader.Unexpected("an argument with a name");
            }

            if (!_reader.IsOperator(")"))
            {
                _reader.ExpectOperator(",");
            }
        }

        return new Arguments([.. positional], [.. named], more, moreNamed);
    }

    /// <summary>One <c>| name(arguments)</c>, whose bar has been read.</summary>
    public Filter ParseFilter(Expression input)
    {
        var line = _reader.Current.Line;
        var name = ParseDottedName();
        return new Filter(input, name, _reader.IsOperator("(") ? ParseArguments() : Arguments.None, line);
    }

    private string ParseDottedName()
    {
        var name = _reader.ExpectName();
        while (_reader.TakeOperator("."))
        {
            name += "." + _reader.ExpectName();
        }

        return name;
    }

    private bool EndsTuple() => _reader.Current.Kind is TokenKind.BlockEnd or TokenKind.OutputEnd
        || _reader.IsOperator(")") || _reader.IsName("recursive");

    private Expression ParseOr() => ParseLeft(ParseAnd, token => token is { Kind: TokenKind.Name, Value: "or" });

    private Expression ParseAnd() => ParseLeft(ParseNot, token => token is { Kind: TokenKind.Name, Value: "and" });

    private Expression ParseNot()
    {
        if (_reader.Current is { Kind: TokenKind.Name, Value: "not" } token)
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            _reader.Take();
            return new Unary("not", ParseNot(), token.Line);
        }

        return ParseComparison();
    }

    private Expression ParseComparison()
    {
        var line = _reader.Current.Line;
        var first = ParseSum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (_reader.Current.Kind == TokenKind.Operator && Comparisons.Contains(_reader.Current.Value))
            {
                var name = _reader.Take().Value;
                rest.Add((name, ParseSum()));
            }
            else if (_reader.TakeName("in"))
            {
                rest.Add(("in", ParseSum()));
            }
            else if (_reader.IsName("not") && _reader.Following is { Kind: TokenKind.Name, Value: "in" })
            {
                _reader.Take();
                _reader.Take();
                rest.Add(("not in", ParseSum()));
            }
            else
            {
                return rest.Count == 0 ? first : new Comparison(first, [.. rest], line);
            }
        }
    }

    private Expression ParseSum() => ParseLeft(ParseConcatenation, token => IsAny(token, "+", "-"));

    private Expression ParseConcatenation() => ParseLeft(ParseProduct, token => IsAny(token, "~"));

    private Expression ParseProduct() => ParseLeft(ParsePower, token => IsAny(token, "*", "/", "//", "%"));

    private Expression ParsePower() => ParseLeft(() => ParseUnary(), token => IsAny(token, "**"));

    private static bool IsAny(TemplateToken token, params ReadOnlySpan<string> values) =>
        token.Kind == TokenKind.Operator && values.Contains(token.Value);

    private Expression ParseLeft(Func<Expression> operand, Func<TemplateToken, bool> isOperator)
    {
        var left = operand();
        while (isOperator(_reader.Current))
        {
            var token = _reader.Take();
            left = new Binary(token.Value, left, operand(), token.Line);
        }

        return left;
    }

    private Expression ParseUnary(bool withFilters = true)
    {
        Expression value;
        if (IsAny(_reader.Current, "-", "+"))
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            var token = _reader.Take();
            value = new Unary(token.Value, ParseUnary(withFilters: false), token.Line);
        }
        else
        {
            value = _primary.Parse();
        }

        value = ParsePostfix(value);
        return withFilters ? ParseFilters(value) : value;
    }

    private Expression ParseFilters(Expression value)
    {
        while (true)
        {
            if (_reader.TakeOperator("|"))
            {
                value = ParseFilter(value);
            }
            else if (_reader.TakeName("is"))
            {
                value = ParseTest(value);
            }
            else if (_reader.IsOperator("("))
            {
                value = new Call(value, ParseArguments(), _reader.Current.Line);
            }
            else
            {
                return value;
            }
        }
    }

    private Test ParseTest(Expression input)
    {
        var line = _reader.Current.Line;
        var negated = _reader.TakeName("not");
        var name = ParseDottedName();
        if (_reader.IsOperator("("))
        {
            return new Test(input, name, ParseArguments(), negated, line);
        }

        if (_reader.IsName("is"))
        {
            throw new ChatTemplateException("tests cannot be chained with 'is'.", line);
        }

        var argument = _reader.Current.Kind is TokenKind.Quoted or TokenKind.Number
            || _reader.IsOperator("[") || _reader.IsOperator("{")
            || (_reader.Current.Kind == TokenKind.Name
                && _reader.Current.Value is not ("else" or "or" or "and" or "if" or "in" or "not" or "recursive"));
        return new Test(
            input, name, argument
                ? Arguments.None with { Positional = [ParsePostfix(_primary.Parse())] } : Arguments.None,
            negated, line);
    }

    private Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            var line = _reader.Current.Line;
            if (_reader.TakeOperator("."))
            {
                value = _reader.Current is { Kind: TokenKind.Number, Value: var digits }
                    && digits.All(char.IsAsciiDigit)
                    ? new Item(value, new Literal(PrimaryParser.Number(_reader.Take()), line), line)
                    : new Member(value, _reader.ExpectName(), line);
            }
            else if (_reader.TakeOperator("["))
            {
                value = new Item(value, ParseSubscript(line), line);
                _reader.ExpectOperator("]");
            }
            else if (_reader.IsOperator("("))
            {
                value = new Call(value, ParseArguments(), line);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ParseSubscript(int line)
    {
        var first = ParseSlice(line);
        if (!_reader.IsOperator(","))
        {
            return first;
        }

        List<Expression> parts = [first];
        while (_reader.TakeOperator(","))
        {
            parts.Add(ParseSlice(line));
        }

        return parts.Any(part => part is Slice)
            ? throw new ChatTemplateException("a slice stands beside other keys.", line)
                : new TupleExpression([.. parts], line);
    }

    private Expression ParseSlice(int line)
    {
        var start = _reader.IsOperator(":") ? null : ParseExpression();
        if (!_reader.TakeOperator(":"))
        {
            return start!;
        }

        bool Ends() => _reader.IsOperator("]") || _reader.IsOperator(",");
        var stop = _reader.IsOperator(":") || Ends() ? null : ParseExpression();
        var step = _reader.TakeOperator(":") && !Ends() ? ParseExpression() : null;
        return new Slice(start, stop, step, line);
    }
}
