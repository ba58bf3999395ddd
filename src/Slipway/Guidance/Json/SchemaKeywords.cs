using System.Text.Json;
using Slipway.Guidance.Characters;
using Slipway.Guidance.Json.Values;
using Slipway.Guidance.Regex;

namespace Slipway.Guidance.Json;

/// <summary>Reads what a schema says of types, fixed values, numbers and texts.</summary>
internal static class SchemaKeywords
{
    private static readonly Dictionary<string, ValueSet> Types = new(StringComparer.Ordinal)
    {
        ["object"] = new() { Objects = [ObjectShape.All] },
        ["array"] = new() { Arrays = [ArrayShape.All] },
        ["string"] = new() { Texts = [TextRange.All] },
        ["integer"] = new() { Numbers = [NumberRange.Integers] },
        ["number"] = new() { Numbers = [NumberRange.All] },
        ["boolean"] = new() { True = true, False = true },
        ["null"] = new() { Null = true },
    };

    public static ValueSet Type(SchemaPart part)
    {
        var path = part.PathOf("type");
        var type = part.Value.GetProperty("type");
        var names = type.ValueKind == JsonValueKind.Array
            ? SchemaPart.TextsOf(type, path) : [SchemaPart.TextOf(type, path)];
        return names.Aggregate(
            ValueSet.None, (set, name) => set.Union(Types.GetValueOrDefault(name) ?? throw new ArgumentException(
            $"The JSON schema has the type '{Excerpt.Of(name)}' at '{Excerpt.Of(path)}'; expected 'object', 'array', "
            + "'string', 'integer', 'number', 'boolean' or 'null'.")));
    }

    public static ValueSet Values(SchemaPart part, SchemaReader reader)
    {
        var set = part.Find("const") is { } value ? Constant(part.PathOf("const"), value, reader.Nodes) : ValueSet.All;
        if (!part.Has("enum"))
        {
            return set;
        }

        var list = part.List("enum");
        var texts = list.Where(item => item.Value.ValueKind == JsonValueKind.String)
            .Select(item => item.Value.GetString()!).ToList();
        var listed = texts.Count == 0
            ? ValueSet.None
            : new ValueSet { Texts = [new(CharacterAutomaton.Of(texts))] };
        return set.Intersect(list.Where(item => item.Value.ValueKind != JsonValueKind.String)
            .Aggregate(listed, (all, item) => all.Union(Constant(item.Path, item.Value, reader.Nodes))));
    }

    /// <summary>One value.</summary>
    public static ValueSet Constant(string path, JsonElement value, SchemaNodes nodes) => value.ValueKind switch
    {
        JsonValueKind.Null => new() { Null = true },
        JsonValueKind.True => new() { True = true },
        JsonValueKind.False => new() { False = true },
        JsonValueKind.Number => new() { Numbers = [NumberRange.Of(Number(value, path))] },
        JsonValueKind.String => new() { Texts = [new(CharacterAutomaton.Of([value.GetString()!]))] },
        JsonValueKind.Array => new()
        {
            Arrays =
            [
                new()
                {
                    Prefix = [
                        .. value.EnumerateArray().Select((item, i) => Formula.Of(nodes.Constant($"{path}/{i}", item)))],
                    Rest = Formula.False,
                    Min = value.GetArrayLength(),
                    Max = value.GetArrayLength(),
                },
            ],
        },
        _ => new() { Objects = [ConstantObject(path, value, nodes)] },
    };

    public static ValueSet Numbers(SchemaPart part)
    {
        var range = NumberRange.All;
        Take("minimum", value => new() { Min = value });
        Take("exclusiveMinimum", value => new() { Min = value, ExcludesLeast = true });
        Take("maximum", value => new() { Max = value });
        Take("exclusiveMaximum", value => new() { Max = value, ExcludesMost = true });
        Take("multipleOf", value => value.Unscaled.Sign > 0
            ? new() { Multiples = [value] }
            : throw SchemaReader.Malformed(
                part.PathOf("multipleOf"), part.Value.GetProperty("multipleOf"), "a number above 0"));
        return ValueSet.All with { Numbers = range.IsEmpty ? [] : [range] };

        void Take(string keyword, Func<JsonDecimal, NumberRange> toRange)
        {
            if (part.Find(keyword) is { } value)
            {
                range = range.Intersect(toRange(Number(value, part.PathOf(keyword))));
            }
        }
    }

    public static ValueSet Texts(SchemaPart part, SchemaReader reader)
    {
        var range = new TextRange(CharacterAutomaton.All, part.Count("minLength") ?? 0, part.Count("maxLength"));
        if (part.Has("pattern"))
        {
            range = range.Intersect(new(Pattern(part.Text("pattern"), part.PathOf("pattern"))));
        }

        // A format that is not known constrains nothing, and none constrains anything but texts.
        if (part.Has("format") && JsonFormats.Find(part.Text("format"), reader.IsForDotNet) is { } format)
        {
            range = range.Intersect(format);
        }

        if (reader.IsForDotNet && part.Find("$comment") is { ValueKind: JsonValueKind.String } comment
            && JsonFormats.FindDotNet(comment.GetString()!) is { } type)
        {
            range = range.Intersect(type);
        }

        return ValueSet.All with { Texts = range.IsEmpty ? [] : [range] };
    }

    /// <summary>The texts with a part that matches a pattern.</summary>
    public static CharacterAutomaton Pattern(string pattern, string path)
    {
        try
        {
            return RegexCompiler.Compile(pattern, anywhere: true);
        }
        catch (NotSupportedException e)
        {
            throw new NotSupportedException(
                $"The JSON schema has a 'pattern' at '{Excerpt.Of(path)}' that cannot be guaranteed. {e.Message}", e);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException(
                $"The JSON schema has a 'pattern' at '{Excerpt.Of(path)}' that cannot be read. {e.Message}", e);
        }
    }

    private static JsonDecimal Number(JsonElement value, string path)
        => value.ValueKind == JsonValueKind.Number
            ? JsonDecimal.Parse(value.GetRawText()) ?? throw new NotSupportedException(
                $"The JSON schema has '{Excerpt.Of(value.GetRawText())}' at '{Excerpt.Of(path)}'; numbers of at most "
                + "400 digits are supported.")
            : throw SchemaReader.Malformed(path, value, "a number");

    private static ObjectShape ConstantObject(string path, JsonElement value, SchemaNodes nodes)
    {
        var properties = new OrderedDictionary<string, Formula>(StringComparer.Ordinal);
        foreach (var member in value.EnumerateObject())
        {
            properties[member.Name] = Formula.Of(nodes.Constant(SchemaNodes.PathOf(path, member.Name), member.Value));
        }

        return new()
        {
            Layers = [new(properties, [], Formula.False, saysOthers: true)],
            Required = [.. properties.Keys],
        };
    }
}
