using System.Globalization;
using System.Text.Json;

namespace Slipway.Guidance.Json;

/// <summary>Follows references within a schema. Source: RFC 6901.</summary>
internal static class JsonPointer
{
    /// <summary>Finds the value that a reference points to.</summary>
    /// <param name="root">The schema.</param>
    /// <param name="pointer">The reference, such as <c>#/$defs/name</c>.</param>
    /// <param name="path">Where it stands, for messages.</param>
    /// <returns>The value, and the reference to it from the schema's start.</returns>
    /// <exception cref="NotSupportedException">It points outside the schema.</exception>
    /// <exception cref="ArgumentException">There is nothing there.</exception>
    public static (string Pointer, JsonElement Value) Find(JsonElement root, string pointer, string path)
    {
        if (pointer.Length > 1 && pointer[0] == '#' && pointer[1] != '/')
        {
            return FindAnchor(root, pointer[1..]) ?? throw new ArgumentException(
                $"The JSON schema refers to '{Excerpt.Of(pointer)}' at '{Excerpt.Of(path)}', which is no '$anchor' in "
                + "it.");
        }

        if (pointer != "#" && !pointer.StartsWith("#/", StringComparison.Ordinal))
        {
            throw new NotSupportedException(
                $"The JSON schema refers to '{Excerpt.Of(pointer)}' at '{Excerpt.Of(path)}'; only references within "
                + "the schema, such as '#/$defs/name', are followed.");
        }

        var element = root;
        foreach (var part in pointer.Split('/')[1..])
        {
            var name = Uri.UnescapeDataString(part)
                .Replace("~1", "/", StringComparison.Ordinal)
                .Replace("~0", "~", StringComparison.Ordinal);
            var found = element.ValueKind == JsonValueKind.Array
                ? int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index >= 0
                && index < element.GetArrayLength()
                : element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out _);
            if (!found)
            {
                throw new ArgumentException(
                    $"The JSON schema refers to '{Excerpt.Of(pointer)}' at '{Excerpt.Of(path)}', which is not in it.");
            }

            element = element.ValueKind == JsonValueKind.Array
                ? element[int.Parse(name, CultureInfo.InvariantCulture)]
                : element.GetProperty(name);
        }

        return (pointer, element);
    }

    // Depth first in the schema's order, without recursion: how deep a schema is, its author decides.
    private static (string Pointer, JsonElement Value)? FindAnchor(JsonElement root, string name)
    {
        var open = new Stack<(string Pointer, JsonElement Value)>([("#", root)]);
        while (open.TryPop(out var at))
        {
            var (pointer, element) = at;
            if (element.ValueKind == JsonValueKind.Array)
            {
                PushAll(element.EnumerateArray().Select((item, i) => ($"{pointer}/{i}", item)));
            }

            // Another '$id' begins a document of its own, and fixed values are no schemas.
            if (element.ValueKind != JsonValueKind.Object
                || (pointer != "#" && element.TryGetProperty("$id", out var id)
                && id.ValueKind == JsonValueKind.String))
            {
                continue;
            }

            if (element.TryGetProperty("$anchor", out var anchor) && anchor.ValueKind == JsonValueKind.String
                && anchor.ValueEquals(name))
            {
                return at;
            }

            PushAll(element.EnumerateObject()
                .Where(member => member.Name is not ("enum" or "const" or "default" or "examples"))
                .Select(member => (SchemaNodes.PathOf(pointer, member.Name), member.Value)));
        }

        return null;

        void PushAll(IEnumerable<(string Pointer, JsonElement Value)> parts)
        {
            foreach (var part in parts.Where(
                part => part.Value.ValueKind is JsonValueKind.Object or JsonValueKind.Array).Reverse())
            {
                open.Push(part);
            }
        }
    }
}
