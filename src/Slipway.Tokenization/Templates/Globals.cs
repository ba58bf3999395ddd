using System.Globalization;
using System.Numerics;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>The functions that every chat template can call.</summary>
internal static class Globals
{
    private const long MaxRange = 100_000;

    public static IEnumerable<Callable> Create(Strftime time)
    {
        yield return new("raise_exception", arguments =>
            throw Work.Error(PythonText.Str(Checked("raise_exception", arguments, 1, "message").Get(0, "message"))));
        yield return new("strftime_now", arguments =>
            time.Format(Checked("strftime_now", arguments, 1, "format").String(0, "format")));
        yield return new("namespace", arguments => new Namespace(MakeDictionary("namespace", arguments)));
        yield return new("dict", arguments => MakeDictionary("dict", arguments));
        yield return new("range", MakeRange);
        yield return new("cycler", arguments => arguments is { Positional.Length: > 0, Named.Count: 0 }
            ? new Cycler(arguments.Positional) : throw Work.Error("'cycler' needs items."));
        yield return new("joiner", arguments => new Joiner(Checked("joiner", arguments, 0, "sep").Get(0, "sep", ", ")));
        yield return new("lipsum", _ => throw Work.Error("'lipsum' gives a text of chance and is not supported."));
    }

    private static CallArguments Checked(string name, CallArguments arguments, int required, params string[] parameters)
    {
        arguments.Check(name, parameters, required);
        return arguments;
    }

    private static TemplateDictionary MakeDictionary(string name, CallArguments arguments)
    {
        if (arguments.Positional.Length > 1)
        {
            throw Work.Error($"'{name}' takes one dictionary or list of pairs.");
        }

        TemplateDictionary result = new();
        if (arguments.Positional is [TemplateDictionary source])
        {
            Work.Value(source);
            foreach (var (key, value) in source.Items)
            {
                result[key] = value;
            }
        }
        else if (arguments.Positional is [var pairs])
        {
            foreach (var pair in Iteration.Of(pairs))
            {
                if (Iteration.TryOf(pair) is not [var key, var value])
                {
                    throw Work.Error($"'{name}' needs pairs of keys and values.");
                }

                result[key] = value;
            }
        }

        foreach (var (key, value) in arguments.Named)
        {
            result[key] = value;
        }

        return result;
    }

    private static Values.Range MakeRange(CallArguments arguments)
    {
        if (arguments.Named.Count > 0 || arguments.Positional.Length is 0 or > 3)
        {
            throw Work.Error("'range' takes one to three numbers.");
        }

        BigInteger[] numbers = [.. arguments.Positional.Select(value => Numbers.AsInteger(value)
            ?? throw Work.Error($"'range' needs integers, not {PythonText.ShortRepr(value)}."))];
        var (start, stop) = numbers.Length == 1 ? (BigInteger.Zero, numbers[0]) : (numbers[0], numbers[1]);
        var step = numbers.Length == 3 ? numbers[2] : BigInteger.One;
        if (step.IsZero)
        {
            throw Work.Error("'range' needs a step that is not 0.");
        }

        var count = BigInteger.Max(0, step.Sign > 0
            ? (stop - start + step - 1) / step : (start - stop - step - 1) / -step);
        if (count > MaxRange || BigInteger.Abs(start) > long.MaxValue / 4 || BigInteger.Abs(stop) > long.MaxValue / 4
            || BigInteger.Abs(step) > long.MaxValue / 4)
        {
            var digits = Quoted.Short(count.ToString(CultureInfo.InvariantCulture));
            throw Work.Error($"'range' would give {digits} numbers; at most {MaxRange} are allowed.");
        }

        Work.Count(1 + ((long)count / 4));
        return new Values.Range((long)start, (long)stop, (long)step, Enumerable.Range(0, (int)count)
            .Select(index => (object?)((long)start + (index * (long)step))));
    }

    /// <summary>Gives its items in turn.</summary>
    private sealed class Cycler(object?[] items) : IAttributes
    {
        private int _at;

        public bool TryGet(string attribute, out object? value)
        {
            value = attribute switch
            {
                "current" => items[_at],
                "pos" => (long)_at,
                "items" => new TemplateTuple(items),
                "next" => new Callable("next", _ =>
                {
                    var item = items[_at];
                    _at = (_at + 1) % items.Length;
                    return item;
                }),
                "reset" => new Callable("reset", _ =>
                {
                    _at = 0;
                    return null;
                }),
                _ => this,
            };
            return !ReferenceEquals(value, this);
        }
    }

    /// <summary>Gives nothing at the first call and its separator at all others.</summary>
    private sealed class Joiner(object? separator) : Callable("joiner", _ => null), IAttributes
    {
        private bool _used;

        public override object? Invoke(CallArguments arguments)
        {
            var text = _used ? separator : string.Empty;
            _used = true;
            return text;
        }

        public bool TryGet(string attribute, out object? value)
        {
            value = attribute == "sep" ? separator : _used;
            return attribute is "sep" or "used";
        }
    }
}
