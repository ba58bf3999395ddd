using System.Runtime.CompilerServices;

namespace Slipway.Tokenization.Templates;

/// <summary>Reads the blocks of a template.</summary>
internal sealed class StatementParser
{
    private readonly TokenReader reader;
    private readonly ExpressionParser expressions;

    public StatementParser(List<TemplateToken> tokens)
    {
        reader = new TokenReader(tokens);
        expressions = new ExpressionParser(reader);
    }

    public Statement[] ParseTemplate()
    {
        Statement[] body = ParseBody();
        return reader.Current.Kind == TokenKind.End ? body
            : throw new ChatTemplateException($"'{reader.Following.Value}' ends no open block.", reader.Current.Line);
    }

    // Stops in front of a block that begins with one of the names, or at the end.
    private Statement[] ParseBody(params string[] until)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        List<Statement> body = [];
        while (reader.Current.Kind != TokenKind.End)
        {
            TemplateToken token = reader.Current;
            switch (token.Kind)
            {
                case TokenKind.Text:
                    reader.Take();
                    body.Add(new TextStatement(token.Value, token.Line));
                    break;
                case TokenKind.OutputBegin:
                    reader.Take();
                    body.Add(new OutputStatement(expressions.ParseTuple(), token.Line));
                    reader.Expect(TokenKind.OutputEnd, "'}}'");
                    break;
                default:
                    string name = reader.Following.Value;
                    if (until.Contains(name) || name.StartsWith("end", StringComparison.Ordinal))
                    {
                        return [.. body];
                    }

                    reader.Take();
                    body.Add(ParseBlock(reader.ExpectName(), token.Line));
                    break;
            }
        }

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
            case "macro":
                string macro = reader.ExpectName();
                (string, Expression?)[] parameters = ParseParameters();
                return new MacroStatement(macro, parameters, ParseUntil("endmacro", line), line);
            case "call":
                (string, Expression?)[] accepted = reader.IsOperator("(") ? ParseParameters() : [];
                return expressions.ParseExpression() is Call call
                    ? new CallStatement(accepted, call, ParseUntil("endcall", line), line)
                    : throw new ChatTemplateException("'call' needs the call of a macro.", line);
            case "filter":
                List<Filter> filters = [expressions.ParseFilter(new Literal(null, line))];
                AddFilters(filters);
                return new FilterStatement([.. filters], ParseUntil("endfilter", line), line);
            case "generation":
                return new PlainBlock(ParseUntil("endgeneration", line), line);
            case "break" or "continue":
                EndBlock();
                return new LoopControl(name == "break", line);
            default:
                throw new ChatTemplateException(
                    $"the statement '{name}' is not supported; supported are 'if', 'for', 'set', 'macro', 'call', " +
                    "'filter', 'generation', 'break', 'continue' and 'raw'.", line);
        }
    }

    private void EndBlock() => reader.Expect(TokenKind.BlockEnd, "'%}'");

    private Statement[] ParseUntil(string end, int line)
    {
        EndBlock();
        Statement[] body = ParseBody(end);
        TakeEnd(end, line);
        return body;
    }

    private void TakeEnd(string end, int line)
    {
        if (reader.Current.Kind == TokenKind.End || reader.Following.Value != end)
        {
            throw new ChatTemplateException($"the block that begins here has no '{end}'.", line);
        }

        reader.Take();
        reader.Take();
        if (end == "endset" || end == "endmacro")
        {
            reader.TakeName(reader.Current.Kind == TokenKind.Name ? reader.Current.Value : string.Empty);
        }

        EndBlock();
    }

    private IfStatement ParseIf(int line)
    {
        List<(Expression, Statement[])> branches = [];
        Statement[] otherwise = [];
        do
        {
            Expression test = expressions.ParseTuple();
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
        if (reader.Current.Kind != TokenKind.BlockBegin || reader.Following.Value != name)
        {
            return false;
        }

        reader.Take();
        reader.Take();
        return true;
    }

    private ForStatement ParseFor(int line)
    {
        List<string> targets = [];
        bool parenthesis = reader.TakeOperator("(");
        do
        {
            targets.Add(reader.ExpectName());
        }
        while (reader.TakeOperator(","));

        if (parenthesis)
        {
            reader.ExpectOperator(")");
        }

        if (!reader.TakeName("in"))
        {
            throw reader.Unexpected("'in'");
        }

        Expression items = expressions.ParseExpression(withConditional: false);
        Expression? condition = reader.TakeName("if") ? expressions.ParseExpression() : null;
        if (reader.IsName("recursive"))
        {
            throw new ChatTemplateException("recursive loops are not supported.", line);
        }

        EndBlock();
        Statement[] body = ParseBody("else", "endfor"), otherwise = [];
        if (TakeBlock("else"))
        {
            EndBlock();
            otherwise = ParseBody("endfor");
        }

        TakeEnd("endfor", line);
        return new ForStatement([.. targets], items, condition, body, otherwise, line);
    }

    private Statement ParseSet(int line)
    {
        List<string> targets = [reader.ExpectName()];
        string? attribute = reader.TakeOperator(".") ? reader.ExpectName() : null;
        while (attribute is null && reader.TakeOperator(","))
        {
            targets.Add(reader.ExpectName());
        }

        if (reader.TakeOperator("="))
        {
            Expression value = expressions.ParseTuple();
            EndBlock();
            return new SetStatement([.. targets], attribute, value, line);
        }

        List<Filter> filters = [];
        AddFilters(filters);
        return new SetBlockStatement(targets[0], attribute, [.. filters], ParseUntil("endset", line), line);
    }

    private void AddFilters(List<Filter> filters)
    {
        while (reader.TakeOperator("|"))
        {
            filters.Add(expressions.ParseFilter(new Literal(null, reader.Current.Line)));
        }
    }

    private (string Name, Expression? Default)[] ParseParameters()
    {
        List<(string, Expression?)> parameters = [];
        reader.ExpectOperator("(");
        while (!reader.TakeOperator(")"))
        {
            string name = reader.ExpectName();
            parameters.Add((name, reader.TakeOperator("=") ? expressions.ParseExpression() : null));
            if (!reader.IsOperator(")"))
            {
                reader.ExpectOperator(",");
            }
        }

        return [.. parameters];
    }
}
