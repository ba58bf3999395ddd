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
    public static string Of(TaskItem item) => string.Join('\n', Texts(item).Select(
        text => $"{char.ToUpperInvariant(text.Name[0])}{text.Name[1..]}: {text.Value}"));

    /// <summary>The texts and the names that the file gives them; at least one.</summary>
    public static IReadOnlyList<(string Name, string Value)> Texts(TaskItem item)
    {
        (string, string)[] texts =
        [
            .. item.Fields
                .Where(field => !LabelNames.Contains(field.Key) && !Numbering.Contains(field.Key)
                    && field.Value?.GetValueKind() == JsonValueKind.String)
                .Select(field => (field.Key, (string)field.Value!)),
        ];
        return texts.Length > 0
            ? texts
            : throw item.Error("There is no text beside the label; expected at least one, such as 'sentence'.");
    }
}
