using System.Text.Json;

namespace Slipway.Evaluation.Tasks.Kinds;

/// <summary>Reads items that have a label and texts beside it.</summary>
internal static class LabelledText
{
    private static readonly string[] LabelNames = ["label", "score", "gold_label"];
    private static readonly string[] Numbering = ["idx", "index", "id", "guid", "pairID", "genre", "filename", "year"];

    /// <summary>The label, as it is written.</summary>
    public static string Label(TaskItem item) => item.Text(LabelNames);

    /// <summary>The texts, a line each, with the names that the file gives them.</summary>
    public static string Of(TaskItem item)
    {
        string[] lines =
        [
            .. item.Fields
                .Where(field => !LabelNames.Contains(field.Key) && !Numbering.Contains(field.Key)
                    && field.Value?.GetValueKind() == JsonValueKind.String)
                .Select(field => $"{char.ToUpperInvariant(field.Key[0])}{field.Key[1..]}: {(string)field.Value!}"),
        ];
        return lines.Length > 0
            ? string.Join('\n', lines)
            : throw item.Error("There is no text beside the label; expected at least one, such as 'sentence'.");
    }
}
