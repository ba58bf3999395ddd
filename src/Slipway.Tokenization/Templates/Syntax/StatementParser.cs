namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>Reads the blocks of a template.</summary>
internal sealed class StatementParser
{
    private const int MaxDepth = 100;

    private readonly TokenReader _reader;
    private readonly ExpressionParser _expressions;
    private int _depth, _loops;

    public StatementParser(List<TemplateToken> tokens)
    {
        _reader = new TokenReader(tokens);
        _expressions = new ExpressionParser(_reader);
    }

    public Statement[] ParseTemplate()
    {
        var body = ParseBody();
        return _reader.Current.Kind == TokenKind.End ? body
            : throw new ChatTemplateException(
                $"'{Quoted.Short(_reader.Following.Value)}' ends no open block.", _reader.Current.Line);
    }

    // Stops in front of a block that begins with one of the names, or at the end.
    private Statement[] ParseBody(params string[] until)
    {
        if (++_depth > MaxDepth)
        {
            throw new ChatTemplateException("the template is nested too deeply.", _reader.Current.Line);
        }

        List<Statement> body = [];
        while (_reader.Current.Kind != TokenKind.End)
        {
            var token = _reader.Current;
            if (token.Kind == TokenKind.Text)
            {
                _reader.Take();
                body.Add(new TextStatement(token.Value, token.Line));
            }
            else if (token.Kind == TokenKind.OutputBegin)
            {
                _reader.Take();
                body.Add(new OutputStatement(_expressions.ParseTuple(), token.Line));
                _reader.Expect(TokenKind.OutputEnd, "'}}'");
            }
            else if (token.Kind == TokenKind.BlockBegin)
            {
                var name = _reader.Following.Value;
                if (until.Contains(name) || name.StartsWith("end", StringComparison.Ordinal)
                    || name is "else" or "elif")
                {
                    break;
                }

                _reader.Take();
                body.Add(ParseBlock(_reader.ExpectName(), token.Line));
            }
            else
            {
                throw _reader.Unexpected("a text or a block");
            }
        }

        _depth--;
        return [.. body];
    }

    private Statement ParseBlock(string name, int line)
    {
        switch (name)
        {
            case "if":
                return ParseIf(line);
            case "for":
                return ParseFor(line);
            case "set":
                return ParseSet(line);
            case "with":
                return ParseWith(line);
            case "print":
                var printed = _expressions.ParseTuple();
                EndBlock();
                return printed is TupleExpression { Items: var parts }
                    ? new PlainBlock([.. parts.Select(part => new OutputStatement(part, line))], line)
                    : new OutputStatement(printed, line);
            case "macro":
                return ParseMacro(line);
            case "call":
                return ParseCall(line);
            case "filter":
                List<Filter> filters = [_expressions.ParseFilter(new Literal(null, line))];
                AddFilters(filters);
                return new FilterStatement([.. filters], ParseUntil("endfilter", line), line);
            case "generation":
                return new PlainBlock(ParseUntil("endgeneration", line), line);
            case "break" or "continue":
                EndBlock();
                return _loops > 0 ? new LoopControl(name == "break", line)
                    : throw new ChatTemplateException($"'{name}' stands outside of a loop.", line);
            case "block" or "extends" or "include" or "import" or "from":
                throw new ChatTemplateException(
                    $"the statement '{name}' joins a template with others; a chat template stands alone.", line);
            default:
                throw new ChatTemplateException(
                    $"the statement '{Quoted.Short(name)}' is not supported; supported are 'if', 'for', 'set', 'with', "
                    + "'macro', 'call', 'filter', 'generation', 'break', 'continue' and 'raw'.", line);
        }
    }

    // A colon may stand before the end, as in Python.
    private void EndBlock()
    {
        _reader.TakeOperator(":");
        _reader.Expect(TokenKind.BlockEnd, "'%}'");
    }

    // A macro's body and a caller's are functions: a 'break' in them ends no loop around them.
    private Statement[] ParseFunction(string end, int line)
    {
        var loops = _loops;
        _loops = 0;
        var body = ParseUntil(end, line);
        _loops = loops;
        return body;
    }

    private Statement[] ParseUntil(string end, int line)
    {
        EndBlock();
        var body = ParseBody(end);
        TakeEnd(end, line);
        return body;
    }

    private void TakeEnd(string end, int line)
    {
        if (_reader.Current.Kind == TokenKind.End || _reader.Following.Value != end)
        {
            throw new ChatTemplateException($"the block that begins here has no '{end}'.", line);
        }

        _reader.Take();
        _reader.Take();
        EndBlock();
    }

    private MacroStatement ParseMacro(int line)
    {
        var name = _reader.ExpectName();
        var parameters = ParseParameters();
        var start = _reader.Position;
        var body = ParseFunction("endmacro", line);
        return new MacroStatement(new Signature(name, parameters, NamesOf(start)), body, line);
    }

    private CallStatement ParseCall(int line)
    {
        (string, Expression?)[] parameters = _reader.IsOperator("(") ? ParseParameters() : [];
        var call = _expressions.ParseExpression() as Call
            ?? throw new ChatTemplateException("'call' needs the call of a macro.", line);
        var start = _reader.Position;
        var body = ParseFunction("endcall", line);
        return new CallStatement(new Signature("caller", parameters, NamesOf(start)), call, body, line);
    }

    private HashSet<string> NamesOf(int start) => _reader.NamesSince(start, "varargs", "kwargs", "caller");

    private IfStatement ParseIf(int line)
    {
        List<(Expression, Statement[])> branches = [];
        Statement[] otherwise = [];
        do
        {
            var test = _expressions.ParseTuple(withConditional: false);
            EndBlock();
            branches.Add((test, ParseBody("elif", "else", "endif")));
        }
        while (TakeBlock("elif"));

        if (TakeBlock("else"))
        {
            EndBlock();
            otherwise = ParseBody("endif");
        }

        TakeEnd("endif", line);
        return new IfStatement([.. branches], otherwise, line);
    }

    private bool TakeBlock(string name)
    {
        if (_reader.Current.Kind != TokenKind.BlockBegin || _reader.Following.Value != name)
        {
            return false;
        }

        _reader.Take();
        _reader.Take();
        return true;
    }

    private ForStatement ParseFor(int line)
    {
        var target = ParseTarget(withAttributes: false);
        if (!_reader.TakeName("in"))
        {
            throw _reader.Unexpected("'in'");
        }

        var items = _expressions.ParseTuple(withConditional: false);
        var condition = _reader.TakeName("if") ? _expressions.ParseExpression() : null;
        var recursive = _reader.TakeName("recursive");
        EndBlock();
        _loops++;
        var body = ParseBody("else", "endfor");
        _loops--;
        Statement[] otherwise = [];
        if (TakeBlock("else"))
        {
            EndBlock();
            otherwise = ParseBody("endfor");
        }

        TakeEnd("endfor", line);
        return new ForStatement(target, items, condition, recursive, body, otherwise, line);
    }

    private Statement ParseSet(int line)
    {
        var target = ParseTarget(withAttributes: true);
        if (_reader.TakeOperator("="))
        {
            var value = _expressions.ParseTuple();
            EndBlock();
            return new SetStatement(target, value, line);
        }

        List<Filter> filters = [];
        AddFilters(filters);
        return target is TupleTarget
            ? throw _reader.Unexpected("'='")
            : new SetBlockStatement(target, [.. filters], ParseUntil("endset", line), line);
    }

    private WithStatement ParseWith(int line)
    {
        List<(Target, Expression)> variables = [];
        while (_reader.Current.Kind != TokenKind.BlockEnd)
        {
            if (variables.Count > 0)
            {
                _reader.ExpectOperator(",");
            }

            var target = ParsePart(withAttributes: false);
            _reader.ExpectOperator("=");
            variables.Add((target, _expressions.ParseExpression()));
        }

        return new WithStatement([.. variables], ParseUntil("endwith", line), line);
    }

    // One name, or several with commas between them.
    private Target ParseTarget(bool withAttributes)
    {
        System.Runtime.CompilerServices.RuntimeHelpers.EnsureSufficientExecutionStack();
        var first = ParsePart(withAttributes);
        if (!_reader.IsOperator(","))
        {
            return first;
        }

        List<Target> parts = [first];
        while (_reader.TakeOperator(",")
            && !(_reader.IsName("in") || _reader.IsOperator("=") || _reader.IsOperator(")")))
        {
            parts.Add(ParsePart(withAttributes));
        }

        return new TupleTarget([.. parts]);
    }

    private Target ParsePart(bool withAttributes)
    {
        if (_reader.TakeOperator("("))
        {
            var inner = ParseTarget(withAttributes);
            _reader.ExpectOperator(")");
            return inner;
        }

        var line = _reader.Current.Line;
        var name = _reader.ExpectName();
        if (withAttributes && _reader.TakeOperator("."))
        {
            return new AttributeTarget(name, _reader.ExpectName());
        }

        return name is "true" or "false" or "none" or "True" or "False" or "None" || (name == "loop" && !withAttributes)
            ? throw new ChatTemplateException($"nothing can be assigned to '{name}'.", line)
            : new NameTarget(name);
    }

    private void AddFilters(List<Filter> filters)
    {
        while (_reader.TakeOperator("|"))
        {
            filters.Add(_expressions.ParseFilter(new Literal(null, _reader.Current.Line)));
        }
    }

    private (string Name, Expression? Default)[] ParseParameters()
    {
        List<(string Name, Expression? Default)> parameters = [];
        _reader.ExpectOperator("(");
        while (!_reader.IsOperator(")"))
        {
            if (parameters.Count > 0)
            {
                _reader.ExpectOperator(",");
            }

            var line = _reader.Current.Line;
            var name = _reader.ExpectName();
            var value = _reader.TakeOperator("=") ? _expressions.ParseExpression() : null;
            if (parameters.Any(other => other.Name == name)
                || (value is null && parameters is [.., { Default: not null }]))
            {
                throw new ChatTemplateException(
                    $"the parameter '{Quoted.Short(name)}' stands twice, or behind one with a default.", line);
            }

            parameters.Add((name, value));
        }

        _reader.Take();
        return [.. parameters];
    }
}
