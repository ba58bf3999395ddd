using System.Text.Json;

namespace Slipway.Tokenization.Files;

/// <summary>Reads the <c>vocab</c> object of a model: token → id.</summary>
internal static class VocabularyReader
{
    /// <summary>Larger ids than any published vocabulary; an id beyond it would cost memory for nothing.</summary>
    public const int MaximumId = 4_000_000;

    public static Dictionary<string, int> Read(Section section)
    {
        JsonElement entries = section.Require(JsonValueKind.Object).Element;
        Dictionary<string, int> vocabulary = new(entries.GetPropertyCount(), StringComparer.Ordinal);
        foreach (JsonProperty entry in entries.EnumerateObject())
        {
            string token = entry.Name;
            int id = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out int value) && IsId(value)
                ? value : CheckId(new Section(entry.Value, $"{section.Path}.{token}", section.Source));
            if (!vocabulary.TryAdd(token, id))
            {
                throw section.Error($"'{section.Path}' holds the token '{token}' twice.");
            }
        }

        return vocabulary;
    }

    public static int CheckId(Section section)
    {
        int id = section.AsInt();
        return IsId(id) ? id : throw section.Wrong($"an id from 0 to {MaximumId}");
    }

    private static bool IsId(int id) => id is >= 0 and <= MaximumId;
}
