namespace Slipway.Tokenization.Templates.Values;

/// <summary>A function that a template can call.</summary>
internal class Callable(string name, Func<CallArguments, object?> invoke)
{
    public string Name => name;

    public virtual object? Invoke(CallArguments arguments) => invoke(arguments);
}

/// <summary>A macro, which tells how it may be called.</summary>
internal sealed class Macro(
    string name, string[] parameters, bool takesMoreNames, bool takesMore, bool takesCaller,
    Func<CallArguments, object?> invoke)
    : Callable(name, invoke), IAttributes
{
    public bool TryGet(string attribute, out object? value)
    {
        value = attribute switch
        {
            "name" => Name,
            "arguments" => new TemplateTuple(parameters),
            "catch_kwargs" => takesMoreNames,
            "catch_varargs" => takesMore,
            "caller" => takesCaller,
            _ => null,
        };
        return value is not null;
    }
}
