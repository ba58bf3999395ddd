namespace Slipway.Encoders;

/// <summary>Checks the texts of a request.</summary>
internal static class RequestTexts
{
    /// <exception cref="ArgumentException">A text is null.</exception>
    public static string[] Check(IEnumerable<string> texts, string parameter)
    {
        ArgumentNullException.ThrowIfNull(texts, parameter);
        string[] all = [.. texts];
        return Array.FindIndex(all, text => text is null) is >= 0 and var missing
            ? throw new ArgumentException($"The text at '{missing}' is null. Leave it out, or give ''.", parameter)
            : all;
    }

    /// <exception cref="ArgumentException">A text of a pair is null.</exception>
    public static (string First, string Second)[] Check(
        IEnumerable<(string First, string Second)> pairs, string parameter)
    {
        ArgumentNullException.ThrowIfNull(pairs, parameter);
        (string First, string Second)[] all = [.. pairs];
        return Array.FindIndex(all, pair => pair.First is null || pair.Second is null) is >= 0 and var missing
            ? throw new ArgumentException(
                $"The pair at '{missing}' holds a null. Leave it out, or give ''.", parameter)
            : all;
    }
}
