using System.Globalization;
using System.Text.RegularExpressions;
using Slipway.Tracing;
using static TorchSharp.torch;

namespace Slipway.Cli.Modules;

/// <summary>An example input as the command line describes it, <c>ids=int64:50257[batch,sequence&lt;=1024]</c>.
/// </summary>
/// <param name="Name">The input's name.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="Limit">Integers are drawn below it.</param>
/// <param name="Axes">The axes: a size, or a size that each run decides.</param>
internal sealed partial record ExampleInput(
    string Name, ScalarType Type, long Limit, IReadOnlyList<(long Size, DynamicAxis? Axis)> Axes)
{
    private const long Size = 4;

    // One row a type.
    private static readonly Dictionary<string, ScalarType> Types = new(StringComparer.Ordinal)
    {
        ["float32"] = ScalarType.Float32, ["float64"] = ScalarType.Float64, ["float16"] = ScalarType.Float16,
        ["int64"] = ScalarType.Int64, ["int32"] = ScalarType.Int32, ["int16"] = ScalarType.Int16,
        ["int8"] = ScalarType.Int8, ["uint8"] = ScalarType.Byte, ["bool"] = ScalarType.Bool,
    };

    /// <summary>Reads a description.</summary>
    /// <exception cref="UsageException">It has another form.</exception>
    public static ExampleInput Parse(string text)
    {
        var match = Form().Match(text);
        if (!match.Success || !Types.TryGetValue(match.Groups["type"].Value, out var type))
        {
            throw new UsageException(
                $"'{text}' describes no input. Expected NAME=TYPE[AXES], as in 'ids=int64[batch,sequence<=1024]' or "
                + "'image=float32[batch,3,height%32,224]', with 'int64:50257' for integers below 50257; TYPE is one "
                + $"of {string.Join(", ", Types.Keys)}.");
        }

        var limit = match.Groups["limit"] is { Success: true } given
            ? long.Parse(given.Value, CultureInfo.InvariantCulture) : 2;
        var axes = match.Groups["axes"].Value;
        return new ExampleInput(
            match.Groups["name"].Value, type, Math.Max(limit, 1),
            [.. axes.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(axis => ParseAxis(axis.Trim(), text))]);
    }

    /// <summary>Draws the input.</summary>
    public Tensor Draw(Generator generator)
    {
        var shape = Axes.Select(axis => axis.Size).ToArray();
        return Type switch
        {
            ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 =>
                randn(shape, ScalarType.Float32, generator: generator).to(Type),
            ScalarType.Bool => randint(0, 2, shape, generator: generator).to(Type),
            _ => randint(0, Limit, shape, generator: generator).to(Type),
        };
    }

    private static (long Size, DynamicAxis? Axis) ParseAxis(string text, string whole)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var size))
        {
            return (size, null);
        }

        var match = Axis().Match(text);
        if (!match.Success)
        {
            throw new UsageException(
                $"'{text}' in '{whole}' is no axis. Expected a size, or a name with limits, as in "
                + "'sequence>=2<=1024%8'.");
        }

        long? Number(string group) => match.Groups[group] is { Success: true } found
            ? long.Parse(found.Value, CultureInfo.InvariantCulture) : null;
        DynamicAxis axis = new(
            match.Groups["name"].Value, Number("min") ?? 1, Number("max"), Number("multiple") ?? 1);
        var least = (axis.Min + axis.Multiple - 1) / axis.Multiple * axis.Multiple;
        var example = Math.Max(least, Size / axis.Multiple * axis.Multiple);
        return (Math.Min(example, axis.Max ?? example), axis);
    }

    [GeneratedRegex(@"^(?<name>[^=\[\]]+)=(?<type>[a-z0-9]+)(:(?<limit>\d{1,18}))?\[(?<axes>[^\[\]]*)\]$")]
    private static partial Regex Form();

    [GeneratedRegex(
        @"^(?<name>[A-Za-z_][\w.]*)(>=(?<min>\d{1,18}))?(<=(?<max>\d{1,18}))?(%(?<multiple>[1-9]\d{0,17}))?$")]
    private static partial Regex Axis();
}
