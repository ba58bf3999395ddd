using System.Text.Json;
using Slipway.Guidance.Json.Values;

namespace Slipway.Guidance.Json;

/// <summary>Reads schemas as sets of values.</summary>
/// <remarks>
/// A keyword that constrains and cannot be guaranteed is refused by name. Every other keyword that is not known
/// constrains nothing, as JSON Schema has it: annotations of OpenAPI, of generators and of vendors.
/// </remarks>
/// <param name="root">The whole schema, which references lead into.</param>
/// <param name="nodes">Numbers its parts.</param>
/// <param name="isForDotNet">Whether .NET's types read the documents; <see cref="JsonFormats"/> says what
/// differs.</param>
internal sealed class SchemaReader(JsonElement root, SchemaNodes nodes, bool isForDotNet)
{
    private const int Deepest = 64;

    // Keywords of drafts 3 to 2020-12 that constrain values, or move references, in ways that are not followed.
    private static readonly HashSet<string> Unguaranteed = new(StringComparer.Ordinal)
    {
        "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef", "$recursiveAnchor", "dependencies",
        "additionalItems", "id", "extends", "disallow", "divisibleBy",
    };

    // The rows of what a schema says, each of which holds by itself.
    private static readonly (string[] Keywords, Func<SchemaPart, SchemaReader, ValueSet> Read)[] Rows =
    [
        (["type"], (part, _) => SchemaKeywords.Type(part)),
        (["const", "enum"], SchemaKeywords.Values),
        (["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
            (part, _) => SchemaKeywords.Numbers(part)),
        (["minLength", "maxLength", "pattern", "format"], SchemaKeywords.Texts),
        (["prefixItems", "items", "minItems", "maxItems", "uniqueItems"], SchemaArrays.Items),
        (["contains", "minContains", "maxContains"], SchemaArrays.Contains),
        (["properties", "patternProperties", "additionalProperties"], SchemaObjects.Members),
        (["required", "minProperties", "maxProperties", "propertyNames"], SchemaObjects.Counts),
        (["dependentRequired"], (part, _) => SchemaObjects.DependentRequired(part)),
        (["dependentSchemas"], SchemaObjects.DependentSchemas),
        (["$ref"], (part, reader) => reader.Reference(part)),
        (["allOf"], SchemaChoices.AllOf),
        (["anyOf"], SchemaChoices.AnyOf),
        (["oneOf"], SchemaChoices.OneOf),
        (["not"], SchemaChoices.Not),
        (["if", "then", "else"], SchemaChoices.If),
    ];

    private static readonly HashSet<string> Dialects = new(StringComparer.Ordinal)
    {
        "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2019-09/schema",
        "http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-06/schema",
        "https://json-schema.org/draft-07/schema",
    };

    private readonly Dictionary<int, ValueSet> _sets = new()
    {
        [SchemaNodes.Nothing] = ValueSet.None,
        [SchemaNodes.Anything] = ValueSet.All,
    };

    private readonly Dictionary<int, ValueSet> _others = [];
    private readonly HashSet<int> _open = []; // what is being read: a reference to one of these says nothing

    public SchemaNodes Nodes => nodes;

    public bool IsForDotNet => isForDotNet;

    /// <summary>The values of a formula.</summary>
    /// <exception cref="NotSupportedException">A part of it cannot be guaranteed.</exception>
    /// <exception cref="ArgumentException">The schema is malformed.</exception>
    public ValueSet Read(Formula formula)
    {
        if (formula.IsFalse)
        {
            return ValueSet.None;
        }

        try
        {
            return formula.Literals.Aggregate(
                ValueSet.All,
                (set, literal) => set.Intersect(literal.Holds ? Read(literal.Node) : Others(literal.Node)));
        }
        catch (UnguaranteedException e)
        {
            throw Refused(e.Part, nodes[formula.Literals[0].Node].Path);
        }
    }

    /// <summary>The values of a schema.</summary>
    public ValueSet Read(int node)
    {
        if (!_sets.TryGetValue(node, out var set))
        {
            var (path, value, isConstant) = nodes[node];
            if (_open.Contains(node))
            {
                throw new SchemaLoopException($"The JSON schema at '{Excerpt.Of(path)}' leads to itself only.");
            }

            if (_open.Count == Deepest)
            {
                throw new NotSupportedException(
                    $"The JSON schema is more than {Deepest} levels deep at '{Excerpt.Of(path)}'. Flatten it.");
            }

            _open.Add(node);
            try
            {
                _sets[node] = set = isConstant
                    ? SchemaKeywords.Constant(path, value, nodes) : Read(new SchemaPart(path, value));
            }
            catch (UnguaranteedException e)
            {
                throw Refused(e.Part, path);
            }
            finally
            {
                _open.Remove(node);
            }
        }

        return set;
    }

    /// <summary>All values but those of a schema.</summary>
    public ValueSet Others(int node)
    {
        if (!_others.TryGetValue(node, out var others))
        {
            try
            {
                _others[node] = others = Read(node).Complement();
            }
            catch (UnguaranteedException e)
            {
                throw Refused(
                    $"{e.Part} under a negation, or in a choice of which several may hold,", nodes[node].Path);
            }
        }

        return others;
    }

    public static NotSupportedException Refused(string part, string path)
        => new(
            $"The JSON schema has {part} at '{Excerpt.Of(path)}', which cannot be guaranteed there. Remove it from the "
            + "schema, and check it in your code.");

    public static ArgumentException Malformed(string path, JsonElement value, string expected)
        => new($"The JSON schema has '{Excerpt.Of(value.GetRawText())}' at '{Excerpt.Of(path)}'; expected {expected}.");

    private ValueSet Read(SchemaPart part)
    {
        if (part.Value.ValueKind != JsonValueKind.Object)
        {
            throw Malformed(part.Path, part.Value, "a schema");
        }

        foreach (var member in part.Value.EnumerateObject())
        {
            if (Unguaranteed.Contains(member.Name) || (member.Name == "$id" && part.Path != "#"))
            {
                throw Refused($"'{Excerpt.Of(member.Name)}'", part.Path);
            }

            if (member.Name == "$schema" && !Dialects.Contains(member.Value.ToString().TrimEnd('#')))
            {
                throw Refused($"the '$schema' '{Excerpt.Of(member.Value.ToString())}'", part.Path);
            }
        }

        return Rows.Where(row => row.Keywords.Any(part.Has))
            .Aggregate(ValueSet.All, (set, row) => set.Intersect(row.Read(part, this)));
    }

    private ValueSet Reference(SchemaPart part)
    {
        var reference = part.Text("$ref");
        var id = root.TryGetProperty("$id", out var given) && given.ValueKind == JsonValueKind.String
            ? given.GetString()! : "";
        var pointer = id.Length > 0 && reference.StartsWith(id.TrimEnd('#') + "#", StringComparison.Ordinal)
            ? reference[id.TrimEnd('#').Length..]
            : reference;
        var (place, value) = JsonPointer.Find(root, pointer, part.Path);
        var target = nodes.Schema(place, value);
        return !_open.Contains(target)
            ? Read(target)
            : throw new SchemaLoopException(
                $"The JSON schema's reference '{Excerpt.Of(reference)}' at '{Excerpt.Of(part.Path)}' leads to itself "
                + "only.");
    }
}
