using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>The functions that every chat template can call.</summary>
internal static class Globals
{
    private const long MaximumRange = 100_000;

    public static IEnumerable<(string Name, Callable Function)> Create(DateTimeOffset now)
    {
        yield return Make("raise_exception", arguments => throw arguments.Error(Python.Str(arguments.Get(0, "message"))));
        yield return Make("strftime_now", arguments => Format(now, arguments.String(0, "format"), arguments));
        yield return Make("namespace", MakeNamespace);
        yield return Make("dict", arguments => MakeDictionary(arguments));
        yield return Make("range", Range);
    }

    private static (string, Callable) Make(string name, Func<CallArguments, object?> invoke) => (name, new(name, invoke));

    private static Namespace MakeNamespace(CallArguments arguments) =>
        new(new Dictionary<string, object?>(MakeDictionary(arguments), StringComparer.Ordinal));

    private static OrderedDictionary<string, object?> MakeDictionary(CallArguments arguments)
    {
        OrderedDictionary<string, object?> result = [];
        if (arguments.Get(0, string.Empty) is OrderedDictionary<string, object?> source)
        {
            foreach ((string key, object? value) in source)
            {
                result[key] = value;
            }
        }

        foreach ((string key, object? value) in arguments.Named)
        {
            result[key] = value;
        }

        return result;
    }

    private static List<object?> Range(CallArguments arguments)
    {
        long first = arguments.Integer(0, "start");
        (long start, long stop) = arguments.Has(1, "stop") ? (first, arguments.Integer(1, "stop")) : (0, first);
        long step = arguments.Integer(2, "step", 1);
        if (step == 0)
        {
            throw arguments.Error("'range' needs a step that is not 0.");
        }

        double count = Math.Max(0, Math.Ceiling(((double)stop - start) / step));
        if (count > MaximumRange)
        {
            throw arguments.Error($"'range' would give {count} numbers; at most {MaximumRange} are allowed.");
        }

        List<object?> numbers = new((int)count);
        for (int i = 0; i < (int)count; i++)
        {
            numbers.Add(start + (i * step));
        }

        return numbers;
    }

    private static string Format(DateTimeOffset now, string format, CallArguments arguments)
    {
        StringBuilder output = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                output.Append(format[i]);
                continue;
            }

            bool unpadded = format[i + 1] == '-' && i + 2 < format.Length;
            i += unpadded ? 2 : 1;
            string part = format[i] switch
            {
                'Y' => Text(now, "yyyy"),
                'y' => Text(now, "yy"),
                'm' => Text(now, "MM"),
                'B' => Text(now, "MMMM"),
                'b' => Text(now, "MMM"),
                'd' => Text(now, "dd"),
                'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                'A' => Text(now, "dddd"),
                'a' => Text(now, "ddd"),
                'H' => Text(now, "HH"),
                'I' => Text(now, "hh"),
                'M' => Text(now, "mm"),
                'S' => Text(now, "ss"),
                'p' => now.Hour < 12 ? "AM" : "PM",
                'Z' => "UTC",
                'z' => Text(now, "zzz").Replace(":", string.Empty),
                '%' => "%",
                var other => throw arguments.Error($"'strftime_now' does not know the directive '%{other}'."),
            };
            output.Append(unpadded && part.Length > 1 ? part.TrimStart('0') : part);
        }

        return output.ToString();
    }

    private static string Text(DateTimeOffset now, string format) => now.ToString(format, CultureInfo.InvariantCulture);
}
