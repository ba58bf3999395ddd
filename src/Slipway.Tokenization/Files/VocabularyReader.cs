using System.Text.Json;

namespace Slipway.Tokenization.Files;

/// <summary>Reads the <c>vocab</c> object of a model: token → id.</summary>
internal static class VocabularyReader
{
    /// <summary>Larger ids than any published vocabulary; an id beyond it would cost memory for nothing.</summary>
    public const int MaximumId = 4_000_000;

    public static Dictionary<string, int> Read(Section section)
    {
        var entries = section.Require(JsonValueKind.Object).Element;
        Dictionary<string, int> vocabulary = new(entries.GetPropertyCount(), StringComparer.Ordinal);
        foreach (var entry in entries.EnumerateObject())
        {
            var token = entry.Name;
            var id = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out var value)
                && IsId(value)
                ? value : CheckId(new Section(entry.Value, $"{section.Path}.{Quoted.Short(token)}", section.Source));
            if (!vocabulary.TryAdd(token, id))
            {
                throw section.Error($"'{section.Path}' holds the token '{Quoted.Short(token)}' twice.");
            }
        }

        return vocabulary;
    }

    public static int CheckId(Section section)
    {
        var id = section.AsInt();
        return IsId(id) ? id : throw section.Wrong($"an id from 0 to {MaximumId}");
    }

    private static bool IsId(int id) => id is >= 0 and <= MaximumId;
}
