using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Methods;

/// <summary>A method of a kind of values: the computation, its parameters' names and how many must be given.</summary>
internal sealed record Method<T>(Func<T, CallArguments, object?> Apply, int Required, params string[] Parameters)
{
    public Callable Bind(string name, T target) => new(name, arguments =>
    {
        arguments.Check(name, Parameters, Required);
        return Apply(target, arguments);
    });
}
