using System.Collections.Immutable;
using System.Text.Json;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>Turns a JSON schema into a grammar of documents that satisfy it.</summary>
/// <remarks>
/// Every document of the grammar is valid, though not every valid document is in it: members come in the schema's
/// order, and only those that it names where it names any. A keyword that is not guaranteed is refused by name.
/// Source: JSON Schema 2020-12, core and validation.
/// </remarks>
internal sealed class JsonSchemaCompiler
{
    private const int DeepestSchema = 64;

    private static readonly HashSet<string> Annotations = new(StringComparer.Ordinal)
    {
        "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated",
        "readOnly", "writeOnly",
    };

    private static readonly (string Type, string[] Keywords)[] KeywordsOfTypes =
    [
        ("object", ["properties", "required", "additionalProperties"]),
        ("array", ["items", "minItems", "maxItems"]),
        ("string", ["minLength", "maxLength", "format"]),
        ("number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
    ];

    private readonly JsonElement _root;
    private readonly JsonGrammar _json;
    private readonly JsonLiterals _literals;
    private readonly Dictionary<string, RuleElement> _rules = new(StringComparer.Ordinal);

    private JsonSchemaCompiler(JsonElement root, string forbidden)
        => (_root, _json, _literals) = (root, new(forbidden), new(escapesMarkup: forbidden.Length > 0));

    /// <summary>Compiles a schema.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="forbidden">Characters that texts hold only escaped.</param>
    /// <exception cref="NotSupportedException">The schema has a keyword that cannot be guaranteed.</exception>
    /// <exception cref="ArgumentException">The schema is malformed, or nothing satisfies it.</exception>
    public static GrammarElement Compile(JsonElement schema, string forbidden)
        => new JsonSchemaCompiler(schema, forbidden).Build(schema, "#", [], 0);

    // `open` holds the references that led here without anything in between: one of them again has no end.
    private GrammarElement Build(JsonElement schema, string path, ImmutableHashSet<string> open, int depth)
    {
        if (depth > DeepestSchema)
        {
            throw new NotSupportedException($"The JSON schema is more than {DeepestSchema} levels deep at '{path}'. Flatten it.");
        }

        if (schema.ValueKind == JsonValueKind.True)
        {
            return _json.AnyValue();
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw Malformed(path, schema, "a schema that something can satisfy");
        }

        var keywords = schema.EnumerateObject().Select(member => member.Name)
            .Where(name => !Annotations.Contains(name)).ToHashSet(StringComparer.Ordinal);
        if (Take("$ref") is { } reference)
        {
            return Resolve(reference, path, open, depth);
        }

        if ((Take("anyOf") ?? Take("oneOf")) is { } choices)
        {
            var isOneOf = keywords.Contains("oneOf");
            return Choose(choices, $"{path}/{(isOneOf ? "oneOf" : "anyOf")}", isOneOf, open, depth);
        }

        if (Take("allOf") is { } all)
        {
            return all.ValueKind == JsonValueKind.Array && all.GetArrayLength() == 1
                ? Build(all[0], $"{path}/allOf/0", open, depth + 1)
                : throw Refused("allOf", path);
        }

        var types = Types(schema, keywords, path);
        if (keywords.FirstOrDefault(name => name is "enum" or "const") is { } listed)
        {
            var values = schema.GetProperty(listed);
            RefuseOthers(keywords, path, listed, "type");
            return OneOf(_literals.Of(listed == "const" ? [values] : Array(values, $"{path}/{listed}"), types, $"{path}/{listed}"));
        }

        RefuseOthers(keywords, path, ["type", .. KeywordsOfTypes.SelectMany(row => row.Keywords)]);
        return types is null ? _json.AnyValue() : OneOf([.. types.Select(type => OfType(type, schema, path, depth))]);

        // A keyword that stands for the whole schema, so that none may stand beside it.
        JsonElement? Take(string keyword)
        {
            if (!schema.TryGetProperty(keyword, out var value))
            {
                return null;
            }

            RefuseOthers(keywords, path, keyword);
            return value;
        }
    }

    private static string[]? Types(JsonElement schema, HashSet<string> keywords, string path)
    {
        if (schema.TryGetProperty("type", out var type))
        {
            return type.ValueKind == JsonValueKind.Array
                ? [.. type.EnumerateArray().Select(item => TextOf(item, $"{path}/type"))]
                : [TextOf(type, $"{path}/type")];
        }

        // Without a type other values would be valid too; those that the keywords speak of are enough.
        var row = KeywordsOfTypes.FirstOrDefault(row => row.Keywords.Any(keywords.Contains));
        return row.Type is null ? null : [row.Type];
    }

    private GrammarElement OfType(string type, JsonElement schema, string path, int depth) => type switch
    {
        "object" => OfObject(schema, path, depth),
        "array" => JsonGrammar.ArrayOf(
            schema.TryGetProperty("items", out var items) ? Build(items, $"{path}/items", [], depth + 1) : _json.AnyValue(),
            Count(schema, "minItems", path) ?? 0,
            Between(Count(schema, "maxItems", path), Count(schema, "minItems", path), "maxItems", path)),
        "string" => OfText(schema, path),
        "integer" or "number" => JsonBounds.Read(schema, path).ToGrammar(type == "integer", path),
        "boolean" => JsonGrammar.Boolean,
        "null" => JsonGrammar.Null,
        _ => throw new ArgumentException(
            $"The JSON schema has the type '{type}' at '{path}/type'; expected 'object', 'array', 'string', 'integer', "
            + "'number', 'boolean' or 'null'."),
    };

    private GrammarElement OfText(JsonElement schema, string path)
    {
        var (least, most) = (Count(schema, "minLength", path), Count(schema, "maxLength", path));
        if (!schema.TryGetProperty("format", out var format))
        {
            return _json.TextOf(least ?? 0, Between(most, least, "maxLength", path));
        }

        var name = TextOf(format, $"{path}/format");
        if (least is not null || most is not null || !JsonFormats.All.TryGetValue(name, out var element))
        {
            throw new NotSupportedException(
                $"The JSON schema has the format '{name}' at '{path}', which cannot be guaranteed there. Known are "
                + $"{string.Join(", ", JsonFormats.All.Keys.Select(key => $"'{key}'"))}, without 'minLength' and 'maxLength'.");
        }

        return JsonGrammar.Quoted(element);
    }

    private GrammarElement OfObject(JsonElement schema, string path, int depth)
    {
        var hasOthers = schema.TryGetProperty("additionalProperties", out var others);
        var allowsOthers = hasOthers && others.ValueKind != JsonValueKind.False;
        var properties = schema.TryGetProperty("properties", out var named)
            ? Members(named, $"{path}/properties")
                .Select(member => (member.Name, Schema: member.Value, Path: $"{path}/properties/{member.Name}")).ToList()
            : [];
        var required = schema.TryGetProperty("required", out var list)
            ? Array(list, $"{path}/required").Select(item => TextOf(item, $"{path}/required")).ToHashSet(StringComparer.Ordinal)
            : [];
        foreach (var name in required.Except(properties.Select(property => property.Name)).ToList())
        {
            if (hasOthers && !allowsOthers)
            {
                throw new ArgumentException(
                    $"The JSON schema requires the property '{name}' at '{path}' and forbids it by 'additionalProperties'.");
            }

            properties.Add((name, others, $"{path}/additionalProperties"));
        }

        if (properties.Count == 0)
        {
            return hasOthers && !allowsOthers ? Literal("{}")
                : hasOthers ? _json.ObjectOf(Build(others, $"{path}/additionalProperties", [], depth + 1))
                : _json.AnyObject;
        }

        // From the last member to the first: what may follow where none was written yet, and where one was.
        var (none, some) = (Empty, Empty);
        for (var i = properties.Count - 1; i >= 0; i--)
        {
            var (name, value, valuePath) = properties[i];
            var member = Sequence(
                Literal(_literals.Write(name)),
                JsonGrammar.Colon,
                value.ValueKind == JsonValueKind.Undefined ? _json.AnyValue() : Build(value, valuePath, [], depth + 1));
            var isRequired = required.Contains(name);
            none = isRequired ? Sequence(member, some) : OneOf(Sequence(member, some), none);
            var further = Sequence(JsonGrammar.Comma, member, some);
            some = isRequired ? further : OneOf(further, some);
        }

        return Sequence(
            Literal("{"),
            required.Count == 0
                ? OneOf(Literal("}"), Sequence(JsonGrammar.Break, none, JsonGrammar.Break, Literal("}")))
                : Sequence(JsonGrammar.Break, none, JsonGrammar.Break, Literal("}")));
    }

    private GrammarElement Choose(
        JsonElement choices, string path, bool isOneOf, ImmutableHashSet<string> open, int depth)
    {
        var list = Array(choices, path);
        if (isOneOf && !JsonDisjoint.Are(list))
        {
            throw new NotSupportedException(
                $"The JSON schema has a choice at '{path}' of which more than one could hold at once, so 'oneOf' cannot be "
                + "guaranteed. Use 'anyOf', or give the choices different types or a property with different 'const' values.");
        }

        return OneOf([.. list.Select((choice, i) => Build(choice, $"{path}/{i}", open, depth + 1))]);
    }

    private RuleElement Resolve(JsonElement reference, string path, ImmutableHashSet<string> open, int depth)
    {
        var pointer = TextOf(reference, $"{path}/$ref");
        if (open.Contains(pointer))
        {
            throw new ArgumentException($"The JSON schema's reference '{pointer}' at '{path}' leads to itself only.");
        }

        if (!_rules.TryGetValue(pointer, out var rule))
        {
            rule = _rules[pointer] = new RuleElement();
            rule.Definition = Build(JsonPointer.Find(_root, pointer, path), pointer, open.Add(pointer), depth + 1);
        }

        return rule;
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : throw Malformed(path, value, "an object");

    private static int? Count(JsonElement schema, string keyword, string path)
        => !schema.TryGetProperty(keyword, out var value) ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count >= 0 ? count
            : throw Malformed($"{path}/{keyword}", value, "a count");

    private static int? Between(int? most, int? least, string keyword, string path)
        => most < least
            ? throw new ArgumentException($"The JSON schema's '{keyword}' at '{path}' is '{most}', less than its minimum '{least}'.")
            : most;

    private static JsonElement[] Array(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() > 0
            ? [.. value.EnumerateArray()]
            : path.EndsWith("/required", StringComparison.Ordinal) && value.ValueKind == JsonValueKind.Array ? []
            : throw Malformed(path, value, "an array that is not empty");

    private static string TextOf(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Malformed(path, value, "a text");

    private static void RefuseOthers(HashSet<string> keywords, string path, params string[] allowed)
    {
        if (keywords.Except(allowed).FirstOrDefault() is { } keyword)
        {
            throw Refused(keyword, path);
        }
    }

    private static NotSupportedException Refused(string keyword, string path)
        => new(
            $"The JSON schema has '{keyword}' at '{path}', which cannot be guaranteed there. Remove it from the schema, and "
            + "check it in your code.");

    private static ArgumentException Malformed(string path, JsonElement value, string expected)
        => new($"The JSON schema has '{value.GetRawText()}' at '{path}'; expected {expected}.");
}
