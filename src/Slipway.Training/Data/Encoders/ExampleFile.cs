using System.Text.Json.Nodes;
using Slipway.Training.Running;

namespace Slipway.Training.Data.Encoders;

/// <summary>Reads examples of an encoder: a JSON object a line, or a table of tab-separated columns.</summary>
/// <remarks>A file whose name ends in <c>.tsv</c> is a table; its first line names the columns, by the keys that a JSON
/// object would have.</remarks>
internal static class ExampleFile
{
    public static IEnumerable<JsonLine> Read(string path) =>
        path.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase) ? ReadTable(path) : JsonLines.Read(path, "examples");

    private static IEnumerable<JsonLine> ReadTable(string path)
    {
        string[]? names = null;
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var fields = line.Split('\t');
            if (names is null)
            {
                names = [.. fields.Select(name => name.Trim())];
                if (names.Distinct(StringComparer.Ordinal).Count() != names.Length)
                {
                    throw new TrainingException(
                        $"Line {number} of '{path}' names a column twice. The first line holds the names of the "
                        + "columns, such as 'text' and 'label'.");
                }

                continue;
            }

            if (fields.Length != names.Length)
            {
                throw new TrainingException(
                    $"Line {number} of '{path}' has {fields.Length} columns; expected {names.Length}, as the first "
                    + $"line names: '{string.Join("', '", names)}'. Separate them by tabs.");
            }

            yield return new JsonLine(
                new JsonObject(names.Zip(fields, (name, field) =>
                    KeyValuePair.Create(name, (JsonNode?)JsonValue.Create(field)))), path, number);
        }
    }
}
