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
    /// <exception cref="NotSupportedException">It points outside the schema.</exception>
    /// <exception cref="ArgumentException">There is nothing there.</exception>
    public static JsonElement Find(JsonElement root, string pointer, string path)
    {
        if (pointer != "#" && !pointer.StartsWith("#/", StringComparison.Ordinal))
        {
            throw new NotSupportedException(
                $"The JSON schema refers to '{pointer}' at '{path}'; only references within the schema, such as "
                + "'#/$defs/name', are followed.");
        }

        var element = root;
        foreach (var part in pointer.Split('/')[1..])
        {
            var name = Uri.UnescapeDataString(part)
                .Replace("~1", "/", StringComparison.Ordinal)
                .Replace("~0", "~", StringComparison.Ordinal);
            var found = element.ValueKind == JsonValueKind.Array
                ? int.TryParse(name, out var index) && index >= 0 && index < element.GetArrayLength()
                : element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out _);
            if (!found)
            {
                throw new ArgumentException($"The JSON schema refers to '{pointer}' at '{path}', which is not in it.");
            }

            element = element.ValueKind == JsonValueKind.Array
                ? element[int.Parse(name, CultureInfo.InvariantCulture)]
                : element.GetProperty(name);
        }

        return element;
    }
}
