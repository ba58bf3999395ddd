using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Templates;

/// <summary>Runs a template's statements. For one rendering.</summary>
internal sealed class Interpreter
{
    private readonly Evaluator evaluator;
    private Scope scope;
    private StringBuilder output = new();
    private LoopControl? pending;

    public Interpreter(JsonObject variables, DateTimeOffset now)
    {
        Scope globals = new(null);
        foreach ((string name, Callable function) in Globals.Create(now))
        {
            globals[name] = function;
        }

        scope = new Scope(globals);
        foreach ((string name, JsonNode? value) in variables)
        {
            scope[name] = Values.From(value);
        }

        scope = new Scope(scope);
        evaluator = new Evaluator(this);
    }

    public string Render(Statement[] body)
    {
        Work.Begin();
        try
        {
            Run(body);
            return output.ToString();
        }
        finally
        {
            Work.End();
        }
    }

    public bool TryGet(string name, out object? value) => scope.TryGet(name, out value);

    private void Run(Statement[] body)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (Statement statement in body)
        {
            Work.At(statement.Line);
            Work.Count();
            Run(statement);
            if (pending is not null)
            {
                return;
            }
        }
    }

    private void Run(Statement statement)
    {
        switch (statement)
        {
            case TextStatement text:
                Write(text.Text);
                break;
            case OutputStatement value:
                Write(Python.Str(evaluator.Evaluate(value.Value)));
                break;
            case IfStatement branch:
                Run(branch.Branches.FirstOrDefault(item => Values.IsTrue(evaluator.Evaluate(item.Test))).Body
                    ?? branch.Otherwise);
                break;
            case ForStatement loop:
                RunFor(loop);
                break;
            case SetStatement set:
                RunSet(set);
                break;
            case SetBlockStatement set:
                Assign(set.Target, set.Attribute, Filtered(set.Filters, Capture(set.Body)), set.Line);
                break;
            case FilterStatement filter:
                Write(Python.Str(Filtered(filter.Filters, Capture(filter.Body))));
                break;
            case MacroStatement macro:
                scope[macro.Name] = Macro(macro.Name, macro.Parameters, macro.Body, scope);
                break;
            case CallStatement call:
                RunCall(call);
                break;
            case PlainBlock block:
                Run(block.Body);
                break;
            case LoopControl control:
                pending = control;
                break;
        }
    }

    private void Write(string text)
    {
        Work.CheckLength((long)output.Length + text.Length);
        Work.Characters(text.Length);
        output.Append(text);
    }

    private void RunFor(ForStatement loop)
    {
        List<object?> items = Evaluator.Iterate(evaluator.Evaluate(loop.Items), loop.Line);
        Scope outside = scope;
        if (loop.Condition is { } condition)
        {
            items = [.. items.Where(item =>
            {
                scope = new Scope(outside);
                AssignItem(loop, item);
                return Values.IsTrue(evaluator.Evaluate(condition));
            })];
        }

        for (int i = 0; i < items.Count; i++)
        {
            Work.Count();
            scope = new Scope(outside);
            AssignItem(loop, items[i]);
            scope["loop"] = Loop.At(items, i);
            Run(loop.Body);
            bool ends = pending is { Break: true };
            pending = null;
            if (ends)
            {
                break;
            }
        }

        scope = outside;
        if (items.Count == 0)
        {
            Run(loop.Otherwise);
        }
    }

    private void AssignItem(ForStatement loop, object? item) => AssignAll(loop.Targets, item, loop.Line);

    private void AssignAll(string[] targets, object? value, int line)
    {
        if (targets.Length == 1)
        {
            scope[targets[0]] = value;
            return;
        }

        List<object?> parts = Evaluator.Iterate(value, line);
        if (parts.Count != targets.Length)
        {
            throw new ChatTemplateException($"{parts.Count} values cannot be assigned to {targets.Length} names.", line);
        }

        for (int i = 0; i < targets.Length; i++)
        {
            scope[targets[i]] = parts[i];
        }
    }

    private void RunSet(SetStatement set)
    {
        object? value = evaluator.Evaluate(set.Value);
        if (set.Attribute is null)
        {
            AssignAll(set.Targets, value, set.Line);
        }
        else
        {
            Assign(set.Targets[0], set.Attribute, value, set.Line);
        }
    }

    private void Assign(string target, string? attribute, object? value, int line)
    {
        if (attribute is null)
        {
            scope[target] = value;
        }
        else if (scope.TryGet(target, out object? found) && found is Namespace space)
        {
            space.Attributes[attribute] = value;
        }
        else
        {
            throw new ChatTemplateException($"'{target}' is not a namespace, so '{attribute}' cannot be set.", line);
        }
    }

    private object? Filtered(Filter[] filters, string text)
    {
        object? value = text;
        foreach (Filter filter in filters)
        {
            value = evaluator.Apply(filter, value);
        }

        return value;
    }

    private string Capture(Statement[] body)
    {
        StringBuilder outside = output;
        output = new StringBuilder();
        try
        {
            Run(body);
            return output.ToString();
        }
        finally
        {
            output = outside;
        }
    }

    private void RunCall(CallStatement call)
    {
        CallArguments arguments = evaluator.Arguments(call.Call.Arguments, call.Line);
        Callable caller = Macro("caller", call.Parameters, call.Body, scope);
        Dictionary<string, object?> named = new(arguments.Named) { ["caller"] = caller };
        Write(Python.Str(evaluator.Invoke(call.Call.Target, arguments with { Named = named })));
    }

    private Callable Macro(string name, (string Name, Expression? Default)[] parameters, Statement[] body, Scope defined) =>
        new(name, arguments =>
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            Scope caller = scope;
            scope = new Scope(defined);
            try
            {
                for (int i = 0; i < parameters.Length; i++)
                {
                    (string parameter, Expression? missing) = parameters[i];
                    scope[parameter] = arguments.Has(i, parameter) ? arguments.Get(i, parameter)
                        : missing is null ? new Undefined($"'{parameter}' is undefined") : evaluator.Evaluate(missing);
                }

                if (arguments.Named.TryGetValue("caller", out object? block))
                {
                    scope["caller"] = block;
                }

                return Capture(body);
            }
            finally
            {
                scope = caller;
            }
        });
}
