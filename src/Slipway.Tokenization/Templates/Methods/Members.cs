using System.Numerics;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Methods;

/// <summary>Jinja's look-up of attributes and items: <c>x.name</c> and <c>x[key]</c>.</summary>
internal static class Members
{
    private static readonly string[] OfNumbers =
        ["real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes", "from_bytes",
         "as_integer_ratio", "is_integer", "hex", "fromhex"];

    /// <summary>A method of the value, or the entry of that name; undefined where there is neither.</summary>
    public static object? Attribute(object? target, string name)
    {
        if (target is Undefined undefined)
        {
            throw Work.Error($"{undefined.Message}, so it has no '{Quoted.Short(name)}'.");
        }

        return Own(target, name, out var value) ? value
            : target is TemplateDictionary fields && fields.TryGet(name, out value) ? value
            : new Undefined($"the attribute '{Quoted.Short(name)}' is undefined");
    }

    /// <summary>The item of a key, or the attribute of that name; undefined where there is neither.</summary>
    public static object? Item(object? target, object? key)
    {
        switch (target)
        {
            case Undefined undefined:
                throw Work.Error($"{undefined.Message}, so it has no {PythonText.ShortRepr(key)}.");
            case List<object?> list and not DictionaryView when Numbers.AsInteger(key) is { } at:
                at += at.Sign < 0 ? list.Count : 0;
                return at.Sign >= 0 && at < list.Count ? list[(int)at]
                    : new Undefined($"the list has no item {PythonText.ShortRepr(key)}");
            case string text when Numbers.AsInteger(key) is { } at:
                return Slicing.Character(text, Position(at));
            case Markup markup when Numbers.AsInteger(key) is { } at:
                return Slicing.Character(markup.Text, Position(at)) is string character ? new Markup(character)
                    : new Undefined($"the text has no character {at}");
            case TemplateDictionary fields when fields.TryGet(key, out var value):
                return value;
        }

        return (key is string or Markup) && Own(target, PythonText.Str(key), out var own) ? own
            : new Undefined($"{PythonText.ShortRepr(target)} has no item {PythonText.ShortRepr(key)}");
    }

    /// <summary>The attribute that Python's object itself has, not its entry.</summary>
    public static bool Own(object? target, string name, out object? value)
    {
        if (target is IAttributes own && own.TryGet(name, out value))
        {
            return true;
        }

        value = target switch
        {
            string text => TextMethods.Find(text, name),
            Markup markup => TextMethods.Find(markup, name),
            List<object?> list => ListMethods.Find(list, name),
            TemplateDictionary fields => DictionaryMethods.Find(fields, name),
            _ when Numbers.IsNumber(target) && OfNumbers.Contains(name) => throw Unsupported(name, "a number"),
            _ => null,
        };
        return value is not null;
    }

    public static ChatTemplateException Unsupported(string name, string kind) =>
        Work.Error($"'{name}' of {kind} is not supported.");

    /// <summary>The refusal of a method that would change a value, which templates may not.</summary>
    public static Undefined Forbidden(string name, string kind) =>
        new($"'{name}' would change {kind}, which templates may not");

    private static long Position(BigInteger at) =>
        (long)BigInteger.Min(int.MaxValue, BigInteger.Max(int.MinValue, at));
}
