using System.Text;
using System.Text.Json;

namespace Slipway.Evaluation.Tasks;

/// <summary>Finds the lines of a document in which the objects of its list begin.</summary>
internal static class JsonLines
{
    /// <summary>Gives the line of each object that begins at a depth of lists and objects, from 1.</summary>
    public static IReadOnlyList<int> OfObjects(string text, int depth)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = 128 });
        List<int> lines = [];
        var (line, counted) = (1, 0);
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartObject && reader.CurrentDepth == depth)
            {
                var start = (int)reader.TokenStartIndex;
                line += bytes.AsSpan(counted..start).Count((byte)'\n');
                counted = start;
                lines.Add(line);
            }
        }

        return lines;
    }
}
