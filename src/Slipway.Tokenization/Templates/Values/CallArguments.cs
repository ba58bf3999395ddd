namespace Slipway.Tokenization.Templates.Values;

/// <summary>The arguments of a call, evaluated.</summary>
internal sealed record CallArguments(object?[] Positional, Dictionary<string, object?> Named)
{
    public static CallArguments None { get; } = new([], []);

    /// <summary>Refuses arguments that a function does not have.</summary>
    /// <param name="function">The function's name.</param>
    /// <param name="parameters">The names of its parameters, in order.</param>
    /// <param name="required">The count of those that must be given.</param>
    public void Check(string function, string[] parameters, int required)
    {
        if (Positional.Length > parameters.Length)
        {
            throw Work.Error(
                $"'{function}' takes at most {parameters.Length} arguments, but is given {Positional.Length}.");
        }

        foreach (var name in Named.Keys)
        {
            var index = Array.IndexOf(parameters, name);
            if (index < 0 || index < Positional.Length)
            {
                throw Work.Error(index < 0
                    ? $"'{function}' takes no argument '{Quoted.Short(name)}'."
                    : $"'{function}' is given the argument '{name}' twice.");
            }
        }

        for (var i = Positional.Length; i < required; i++)
        {
            if (!Named.ContainsKey(parameters[i]))
            {
                throw Work.Error($"'{function}' needs the argument '{parameters[i]}'.");
            }
        }
    }

    /// <summary>An argument by position or name; <paramref name="missing"/> where neither is given.</summary>
    public object? Get(int index, string name, object? missing = null) =>
        index < Positional.Length ? Positional[index] : Named.GetValueOrDefault(name, missing);

    public bool Has(int index, string name) => index < Positional.Length || Named.ContainsKey(name);

    public bool Flag(int index, string name) => Truth.Of(Get(index, name, false));

    public string String(int index, string name, string? missing = null) => Get(index, name, missing) switch
    {
        string text => text,
        Markup markup => markup.Text,
        var other => throw Work.Error($"the argument '{name}' is {PythonText.ShortRepr(other)}; expected a string."),
    };

    /// <summary>A whole number that fits 64 bits; larger ones are cut to the largest that does.</summary>
    public long Integer(int index, string name, long? missing = null) =>
        Numbers.AsInteger(Get(index, name, missing)) is { } number
            ? (long)System.Numerics.BigInteger.Min(long.MaxValue, System.Numerics.BigInteger.Max(long.MinValue, number))
            : throw Work.Error(
                $"the argument '{name}' is {PythonText.ShortRepr(Get(index, name))}; expected an integer.");
}
