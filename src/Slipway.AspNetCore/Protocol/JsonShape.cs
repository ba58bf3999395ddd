using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Compares a JSON document with the type that it is read into, so that errors name the parameter.</summary>
internal static class JsonShape
{
    /// <summary>Checks a value and all that it holds.</summary>
    /// <exception cref="OpenAIException">A parameter is unknown, missing, of another type or no text.</exception>
    public static void Check(JsonElement element, JsonTypeInfo type, string path = "")
    {
        var target = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        if (target == typeof(JsonElement))
        {
            CheckTexts(element, path);
            return;
        }

        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object:
                CheckObject(Of(element, path, JsonValueKind.Object, "an object"), type, path);
                return;
            case JsonTypeInfoKind.Enumerable:
                var items = type.Options.GetTypeInfo(type.ElementType!);
                var array = Of(element, path, JsonValueKind.Array, "an array");
                foreach (var (index, item) in array.EnumerateArray().Index())
                {
                    Check(item, items, $"{path}[{index}]");
                }

                return;
            case JsonTypeInfoKind.Dictionary:
                var values = type.Options.GetTypeInfo(type.ElementType!);
                foreach (var member in Of(element, path, JsonValueKind.Object, "an object").EnumerateObject())
                {
                    Check(member.Value, values, Join(path, NameOf(member, path)));
                }

                return;
        }

        CheckScalar(element, target, path);
    }

    /// <summary>Says what a value is, for people.</summary>
    public static string KindOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        JsonValueKind.Null => "null",
        JsonValueKind.Number => element.TryGetInt64(out _) ? "an integer" : "a number",
        _ => "missing",
    };

    /// <summary>Says that a text holds half a character.</summary>
    public static OpenAIException NotText(string path) => new(
        400, $"'{path}' holds half of a surrogate pair, which is no text. Send Unicode.", path, "invalid_value");

    private static void CheckObject(JsonElement element, JsonTypeInfo type, string path)
    {
        var members = type.Properties.ToDictionary(property => property.Name, StringComparer.Ordinal);
        foreach (var member in element.EnumerateObject())
        {
            var name = NameOf(member, path);
            var param = Join(path, name);
            if (!members.TryGetValue(name, out var property))
            {
                if (type.Options.UnmappedMemberHandling == JsonUnmappedMemberHandling.Skip)
                {
                    continue;
                }

                throw new OpenAIException(
                    400, $"'{OpenAIException.Excerpt(param)}' is no parameter of this request. Leave it out.",
                    OpenAIException.Excerpt(param), "unknown_parameter");
            }

            // Null is as good as absent.
            if (member.Value.ValueKind == JsonValueKind.Null)
            {
                if (property.IsRequired)
                {
                    throw OpenAIException.Missing(param);
                }

                continue;
            }

            Check(member.Value, type.Options.GetTypeInfo(property.PropertyType), param);
        }

        foreach (var property in type.Properties)
        {
            if (property.IsRequired && !element.TryGetProperty(property.Name, out _))
            {
                throw OpenAIException.Missing(Join(path, property.Name));
            }
        }
    }

    private static void CheckScalar(JsonElement element, Type target, string path)
    {
        if (target == typeof(string))
        {
            CheckTexts(Of(element, path, JsonValueKind.String, "a string"), path);
        }
        else if (target == typeof(bool))
        {
            if (element.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            {
                throw OpenAIException.InvalidType(path, KindOf(element), "a boolean");
            }
        }
        else if (target == typeof(int) || target == typeof(long))
        {
            var isRead = element.ValueKind == JsonValueKind.Number
                && (target == typeof(int) ? element.TryGetInt32(out _) : element.TryGetInt64(out _));
            if (!isRead)
            {
                throw OpenAIException.InvalidType(
                    path, KindOf(element),
                    element.ValueKind == JsonValueKind.Number
                        ? $"an integer of {(target == typeof(int) ? 32 : 64)} bits" : "an integer");
            }
        }
        else if (!double.IsFinite(Of(element, path, JsonValueKind.Number, "a number").GetDouble()))
        {
            throw OpenAIException.InvalidType(path, "a number beyond 64-bit floats", "a finite number");
        }
    }

    private static JsonElement Of(JsonElement element, string path, JsonValueKind kind, string expected)
        => element.ValueKind == kind
            ? element
            : throw OpenAIException.InvalidType(path.Length == 0 ? "body" : path, KindOf(element), expected);

    // Reading a string throws where it holds half a character.
    private static void CheckTexts(JsonElement element, string path)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                try
                {
                    _ = element.GetString();
                }
                catch (InvalidOperationException)
                {
                    throw NotText(path);
                }

                break;
            case JsonValueKind.Array:
                foreach (var (index, item) in element.EnumerateArray().Index())
                {
                    CheckTexts(item, $"{path}[{index}]");
                }

                break;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    CheckTexts(member.Value, Join(path, NameOf(member, path)));
                }

                break;
        }
    }

    private static string NameOf(JsonProperty member, string path)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            throw NotText(path.Length == 0 ? "body" : path);
        }
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
