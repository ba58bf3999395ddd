using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.Training.Running;
using Slipway.Training.Text;

namespace Slipway.Training.Data.Encoders;

/// <summary>Knows the labels of a classifier by name and number.</summary>
internal sealed class LabelNames
{
    private readonly Dictionary<string, int> _ids;

    public LabelNames(IReadOnlyList<string> names)
    {
        Names = names;
        _ids = names.Select((name, id) => (name, id)).ToDictionary(one => one.name, one => one.id);
    }

    /// <summary>The names in the order of their numbers.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Gathers the labels of data: names in their order, or, where all are whole numbers, all numbers up to
    /// the largest.</summary>
    public static LabelNames Of(IEnumerable<string> labels)
    {
        const int most = 1 << 16;
        var all = labels.ToHashSet(StringComparer.Ordinal);
        return new LabelNames(all.All(label => Number(label) is >= 0 and < most)
            ? [.. Enumerable.Range(0, all.Max(label => Number(label)!.Value) + 1)
                .Select(id => id.ToString(CultureInfo.InvariantCulture))]
            : [.. all.Order(StringComparer.Ordinal)]);
    }

    /// <summary>The label's text, as a line holds it; null where it holds none.</summary>
    public static string? Text(JsonNode? node) => node is JsonValue value
        && (value.TryGetValue(out string? _) || value.TryGetValue(out long _))
        && value.ToString() is { Length: > 0 } text ? text : null;

    /// <summary>Finds a label by its name, or else by its number.</summary>
    /// <exception cref="TrainingException">It is neither.</exception>
    public int Find(string label, JsonLine line) => _ids.TryGetValue(label, out var id) ? id
        : Number(label) is { } number && number >= 0 && number < Names.Count ? number
        : throw new TrainingException(
            $"{line.Place} has the label '{label}'; expected one of the {Names.Count} labels, or a number from 0 to "
            + $"{Names.Count - 1}. The nearest is '{NearestName.Find(label, Names)}'. Mend the line, or name all "
            + "labels in the recipe's 'labels'.");

    private static int? Number(string label) => int.TryParse(
        label, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;
}
