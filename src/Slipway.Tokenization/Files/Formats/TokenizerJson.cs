using System.Text.Json.Nodes;

namespace Slipway.Tokenization.Files.Formats;

/// <summary>Parts of a <c>tokenizer.json</c> that several formats are rewritten to.</summary>
internal static class TokenizerJson
{
    public static JsonObject ByteLevel(bool addPrefixSpace, bool useRegex) => new()
    {
        ["type"] = "ByteLevel", ["add_prefix_space"] = addPrefixSpace, ["use_regex"] = useRegex,
    };

    /// <summary>The pattern first, then bytes; GPT-2's own way where there is no pattern.</summary>
    public static JsonObject PreTokenizer(string? pattern, bool addPrefixSpace) => pattern is null
        ? ByteLevel(addPrefixSpace, useRegex: true)
        : new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(
                new JsonObject
                {
                    ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern },
                    ["behavior"] = "Isolated", ["invert"] = false,
                },
                ByteLevel(addPrefixSpace, useRegex: false)),
        };

    /// <summary>Entries for those special tokens that a vocabulary holds.</summary>
    public static JsonArray AddedTokens(IEnumerable<string> tokens, IReadOnlyDictionary<string, int> ids)
    {
        JsonArray list = [];
        foreach (var token in tokens.Distinct(StringComparer.Ordinal))
        {
            if (ids.TryGetValue(token, out var id))
            {
                list.Add((JsonNode)new JsonObject
                {
                    ["id"] = id, ["content"] = token, ["special"] = true, ["normalized"] = false,
                });
            }
        }

        return list;
    }

    /// <summary>A template that begins and ends each text with a token; null without one.</summary>
    public static JsonObject? Surround((string Token, int Id)? first, (string Token, int Id)? last)
    {
        if (first is null && last is null)
        {
            return null;
        }

        JsonArray Sequences(params string[] texts)
        {
            JsonArray pieces = [];
            for (var type = 0; type < texts.Length; type++)
            {
                AddPiece(pieces, "SpecialToken", first?.Token, type);
                AddPiece(pieces, "Sequence", texts[type], type);
                AddPiece(pieces, "SpecialToken", last?.Token, type);
            }

            return pieces;
        }

        JsonObject tokens = [];
        foreach (var (token, id) in new[] { first, last }.OfType<(string, int)>())
        {
            tokens[token] = new JsonObject { ["id"] = token, ["ids"] = new JsonArray(id) };
        }

        return new JsonObject
        {
            ["type"] = "TemplateProcessing", ["single"] = Sequences("A"), ["pair"] = Sequences("A", "B"),
            ["special_tokens"] = tokens,
        };
    }

    /// <summary>A token and its id, as post-processors name them; null where the vocabulary lacks it.</summary>
    public static (string Token, int Id)? Find(string? token, IReadOnlyDictionary<string, int> ids) =>
        token is not null && ids.TryGetValue(token, out var id) ? (token, id) : null;

    private static void AddPiece(JsonArray pieces, string kind, string? id, int type)
    {
        if (id is not null)
        {
            pieces.Add((JsonNode)new JsonObject { [kind] = new JsonObject { ["id"] = id, ["type_id"] = type } });
        }
    }
}
