using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Tokenization.Templates.Syntax;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>Runs a template's statements. For one rendering.</summary>
internal sealed class Interpreter
{
    private readonly Evaluator _evaluator;
    private Scope _scope;
    private StringBuilder _output = new();
    private LoopControl? _pending;

    public Interpreter(JsonObject variables, Strftime time)
    {
        Scope globals = new(null);
        foreach (var function in Globals.Create(time))
        {
            globals[function.Name] = function;
        }

        _scope = new Scope(globals);
        foreach (var (name, value) in variables)
        {
            _scope[name] = Json.Read(value);
        }

        _scope = new Scope(_scope);
        _evaluator = new Evaluator(this);
    }

    public string Render(Statement[] body)
    {
        Run(body);
        return _output.ToString();
    }

    public bool TryGet(string name, out object? value) => _scope.TryGet(name, out value);

    private void Run(Statement[] body)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        foreach (var statement in body)
        {
            Work.At(statement.Line);
            Work.Count();
            Run(statement);
            if (_pending is not null)
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
                Write(PythonText.Str(_evaluator.Evaluate(value.Value)));
                break;
            case IfStatement branch:
                Run(branch.Branches.FirstOrDefault(item => Truth.Of(_evaluator.Evaluate(item.Test))).Body
                    ?? branch.Otherwise);
                break;
            case ForStatement loop:
                RunFor(loop, _evaluator.Evaluate(loop.Items), 0);
                break;
            case SetStatement set:
                Assign(set.Target, _evaluator.Evaluate(set.Value));
                break;
            case SetBlockStatement set:
                Assign(set.Target, Filtered(set.Filters, Capture(set.Body)));
                break;
            case WithStatement with:
                RunWith(with);
                break;
            case FilterStatement filter:
                Write(PythonText.Str(Filtered(filter.Filters, Capture(filter.Body))));
                break;
            case MacroStatement macro:
                _scope[macro.Signature.Name] = MakeMacro(macro.Signature, macro.Body);
                break;
            case CallStatement call:
                RunCall(call);
                break;
            case PlainBlock block:
                InScope(new Scope(_scope), () => Run(block.Body));
                break;
            case LoopControl control:
                _pending = control;
                break;
        }
    }

    private void Write(string text)
    {
        Work.CheckLength((long)_output.Length + text.Length);
        Work.Characters(text.Length);
        _output.Append(text);
    }

    private void InScope(Scope scope, Action action)
    {
        var outside = _scope;
        _scope = scope;
        try
        {
            action();
        }
        finally
        {
            _scope = outside;
        }
    }

    private void RunFor(ForStatement loop, object? value, int depth)
    {
        var items = Iteration.Of(value);
        var outside = _scope;
        if (loop.Condition is { } condition)
        {
            items = [.. items.Where(item =>
            {
                var holds = false;
                InScope(new Scope(outside), () =>
                {
                    Assign(loop.Target, item);
                    holds = Truth.Of(_evaluator.Evaluate(condition));
                });
                return holds;
            })];
        }

        Func<object?, string>? render = loop.Recursive
            ? inner => Captured(() => InScope(outside, () => RunFor(loop, inner, depth + 1)))
            : null;
        LoopState state = new(items, depth, render);
        for (var i = 0; i < items.Count; i++)
        {
            Work.Count();
            state.Index0 = i;
            InScope(new Scope(outside), () =>
            {
                _scope["loop"] = state;
                Assign(loop.Target, items[i]);
                Run(loop.Body);
            });
            var ends = _pending is { Break: true };
            _pending = null;
            if (ends)
            {
                break;
            }
        }

        if (items.Count == 0)
        {
            InScope(new Scope(outside), () => Run(loop.Otherwise));
        }
    }

    // All values are computed before any name is set.
    private void RunWith(WithStatement with)
    {
        object?[] values = [.. with.Variables.Select(variable => _evaluator.Evaluate(variable.Value))];
        InScope(new Scope(_scope), () =>
        {
            for (var i = 0; i < values.Length; i++)
            {
                Assign(with.Variables[i].Target, values[i]);
            }

            Run(with.Body);
        });
    }

    private void Assign(Target target, object? value)
    {
        switch (target)
        {
            case NameTarget name:
                _scope[name.Name] = value;
                break;
            case AttributeTarget attribute:
                if (!_scope.TryGet(attribute.Name, out var found) || found is not Namespace space)
                {
                    throw Work.Error($"'{Quoted.Short(attribute.Name)}' is not a namespace, so " +
                        $"'{Quoted.Short(attribute.Attribute)}' cannot be set.");
                }

                space.Attributes[attribute.Attribute] = value;
                break;
            case TupleTarget tuple:
                var parts = Iteration.Of(value);
                if (parts.Count != tuple.Parts.Length)
                {
                    throw Work.Error($"{parts.Count} values cannot be assigned to {tuple.Parts.Length} names.");
                }

                for (var i = 0; i < parts.Count; i++)
                {
                    Assign(tuple.Parts[i], parts[i]);
                }

                break;
        }
    }

    private object? Filtered(Filter[] filters, string text)
    {
        object? value = text;
        foreach (var filter in filters)
        {
            value = _evaluator.Apply(filter, value);
        }

        return value;
    }

    // The text of a body, whose variables are its own.
    private string Capture(Statement[] body) => Captured(() => InScope(new Scope(_scope), () => Run(body)));

    private string Captured(Action action)
    {
        var outside = _output;
        _output = new StringBuilder();
        try
        {
            action();
            return _output.ToString();
        }
        finally
        {
            _output = outside;
        }
    }

    private void RunCall(CallStatement call)
    {
        var target = _evaluator.Evaluate(call.Call.Target);
        var arguments = _evaluator.Evaluate(call.Call.Arguments);
        Dictionary<string, object?> named = new(arguments.Named, StringComparer.Ordinal)
        {
            ["caller"] = MakeMacro(call.Signature, call.Body),
        };
        Write(PythonText.Str(Evaluator.Invoke(target, arguments with { Named = named }, call.Line)));
    }

    private Macro MakeMacro(Signature signature, Statement[] body)
    {
        var defined = _scope;
        return new Macro(
            signature.Name, [.. signature.Parameters.Select(parameter => parameter.Name)], signature.TakesMoreNames,
            signature.TakesMore, signature.TakesCaller, arguments =>
            {
                RuntimeHelpers.EnsureSufficientExecutionStack();
                return Captured(() => InScope(new Scope(defined), () =>
                {
                    Bind(signature, arguments);
                    Run(body);
                }));
            });
    }

    private void Bind(Signature signature, CallArguments arguments)
    {
        Dictionary<string, object?> named = new(arguments.Named, StringComparer.Ordinal);
        for (var i = 0; i < signature.Parameters.Length; i++)
        {
            var (parameter, missing) = signature.Parameters[i];
            _scope[parameter] = i < arguments.Positional.Length ? arguments.Positional[i]
                : named.Remove(parameter, out var value) ? value
                : missing is null
                    ? new Undefined($"'{Quoted.Short(parameter)}' is undefined") : _evaluator.Evaluate(missing);
        }

        var hasCaller = signature.Parameters.Any(parameter => parameter.Name == "caller");
        if (signature.TakesCaller && !hasCaller)
        {
            _scope["caller"] = named.Remove("caller", out var caller) ? caller : new Undefined("there is no caller");
        }

        if (signature.TakesMoreNames)
        {
            _scope["kwargs"] = TemplateDictionary.Of(named.Select(pair => ((object?)pair.Key, pair.Value)));
        }
        else if (named.Keys.FirstOrDefault() is { } unknown)
        {
            throw Work.Error(
                $"the macro '{Quoted.Short(signature.Name)}' takes no argument '{Quoted.Short(unknown)}'.");
        }

        if (signature.TakesMore)
        {
            _scope["varargs"] = new TemplateTuple(arguments.Positional.Skip(signature.Parameters.Length));
        }
        else if (arguments.Positional.Length > signature.Parameters.Length)
        {
            throw Work.Error(
                $"the macro '{Quoted.Short(signature.Name)}' takes at most {signature.Parameters.Length} arguments, "
                + $"but is given {arguments.Positional.Length}.");
        }
    }
}
