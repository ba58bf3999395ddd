using System.Text;

namespace Slipway;

/// <summary>Shortens values of a caller or a file for the messages that quote them.</summary>
internal static class Excerpt
{
    private const int MaxLength = 120;

    /// <summary>
    /// Returns a text of at most 120 characters as it is, of a longer one its beginning and its length.
    /// </summary>
    public static string Of(string? text)
    {
        if (text is null || text.Length <= MaxLength)
        {
            return text ?? "";
        }

        // Half of a surrogate pair would be no text.
        var length = char.IsHighSurrogate(text[MaxLength - 1]) ? MaxLength - 1 : MaxLength;
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"{text.AsSpan(0, length)}… ({text.Length} characters)");
    }

    /// <summary>Lists texts in quotes: the first ten, and how many more there are.</summary>
    public static string OfList(IEnumerable<string> texts)
    {
        const int MaxTexts = 10;
        var list = new StringBuilder();
        var count = 0;
        foreach (var text in texts)
        {
            if (count < MaxTexts)
            {
                list.Append(count == 0 ? "'" : ", '").Append(Of(text)).Append('\'');
            }

            count++;
        }

        return count <= MaxTexts ? list.ToString() : $"{list} and {count - MaxTexts} more";
    }
}
