using System.Text.RegularExpressions;

namespace Slipway.Chat;

/// <summary>Finds the parts of an answer's tags that a tokenizer may hold as special tokens.</summary>
internal static partial class SpecialTokens
{
    /// <summary>The texts in brackets that the tags are made of, and the tags themselves.</summary>
    public static IReadOnlyList<string> In(IEnumerable<string> tags)
        => [.. tags.SelectMany(tag => Bracketed().Matches(tag).Select(match => match.Value)).Distinct()];

    [GeneratedRegex(@"<[^<>\s=]+>|\[/?[A-Z_]+\]")]
    private static partial Regex Bracketed();
}
