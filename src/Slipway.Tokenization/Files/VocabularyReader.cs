using System.Text.Json;

namespace Slipway.Tokenization.Files;

/// <summary>Reads the <c>vocab</c> object of a model: token → id.</summary>
internal static class VocabularyReader
{
    /// <summary>Larger ids than any published vocabulary; an id beyond it would cost memory for nothing.</summary>
    public const int MaximumId = 4_000_000;

    public static Dictionary<string, int> Read(Section section)
    {
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in section.Require(JsonValueKind.Object).Element.EnumerateObject())
        {
            int id = CheckId(new Section(entry.Value, $"{section.Path}.{entry.Name}", section.Source));
            if (!vocabulary.TryAdd(entry.Name, id))
            {
                throw section.Error($"'{section.Path}' holds the token '{entry.Name}' twice.");
            }
        }

        return vocabulary;
    }

    public static int CheckId(Section section)
    {
        int id = section.AsInt();
        return id is >= 0 and <= MaximumId ? id : throw section.Wrong($"an id from 0 to {MaximumId}");
    }
}
