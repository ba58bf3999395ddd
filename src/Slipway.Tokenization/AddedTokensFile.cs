using System.Text.Json;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization;

/// <summary>
/// Reads <c>added_tokens.json</c>, where older tokenizers keep the tokens that their vocabulary lacks.
/// </summary>
/// <remarks>
/// A token is special where <c>special_tokens_map.json</c> names it. Source: transformers' slow tokenizers.
/// </remarks>
internal static class AddedTokensFile
{
    /// <summary>The tokens of a folder's file; none where there is no such file.</summary>
    /// <exception cref="TokenizerFormatException">A file is damaged.</exception>
    public static AddedToken[] Read(string folder)
    {
        var path = Path.Combine(folder, "added_tokens.json");
        if (!File.Exists(path))
        {
            return [];
        }

        HashSet<string> special = [];
        var map = Path.Combine(folder, "special_tokens_map.json");
        JsonFile.Read(map, root => Collect(root.Element, special));
        List<AddedToken> tokens = [];
        JsonFile.Read(path, root =>
        {
            foreach (var (token, id) in VocabularyReader.Read(root))
            {
                var isSpecial = special.Contains(token);
                tokens.Add(new AddedToken(id, token, isSpecial, false, false, false, Normalized: !isSpecial));
            }
        });
        return [.. tokens];
    }

    // A token is a text, or an object with the text as its content; some keys hold lists of them.
    private static void Collect(JsonElement value, HashSet<string> special)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                special.Add(value.GetString()!);
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                {
                    Collect(item, special);
                }

                break;
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                {
                    Collect(property.Value, special);
                }

                break;
        }
    }
}
