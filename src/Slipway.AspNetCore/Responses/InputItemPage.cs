using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Responses;

/// <summary>Cuts a page out of the items that a response answered, as the parameters of an address say.</summary>
internal static class InputItemPage
{
    private const int MaxItems = 100, DefaultItems = 20;

    /// <summary>Gives <c>limit</c> items after the one of the id <c>after</c>, the last first unless told.</summary>
    /// <exception cref="OpenAIException">A parameter cannot be.</exception>
    public static ResponseItemList Of(IReadOnlyList<JsonElement> items, IQueryCollection query)
    {
        string? order = query["order"];
        Require.OneOf(order, "order", "asc", "desc");
        var limit = Limit(query["limit"]);
        JsonElement[] ordered = [.. order == "asc" ? items : items.Reverse()];
        var rest = ordered.AsSpan(After(ordered, query["after"]));
        var page = rest[..Math.Min(limit, rest.Length)].ToArray();
        return new ResponseItemList(
            page, IdOf(page.FirstOrDefault()), IdOf(page.LastOrDefault()), page.Length < rest.Length);
    }

    private static int Limit(string? text)
    {
        if (text is null)
        {
            return DefaultItems;
        }

        if (!int.TryParse(text, out var limit))
        {
            throw OpenAIException.InvalidType("limit", $"'{OpenAIException.Excerpt(text)}'", "an integer");
        }

        Require.InRange(limit, 1, MaxItems, "limit");
        return limit;
    }

    private static int After(JsonElement[] items, string? id)
    {
        var place = id is null ? 0 : Array.FindIndex(items, item => IdOf(item) == id) + 1;
        return id is null || place > 0
            ? place : throw OpenAIException.InvalidValue("after", id, "the id of one of the items");
    }

    private static string? IdOf(JsonElement item) => item.ValueKind == JsonValueKind.Object
        && item.TryGetProperty("id", out var id) ? id.GetString() : null;
}
