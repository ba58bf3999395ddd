using System.Globalization;
using System.Text;
using Slipway.Guidance;

namespace Slipway.Tests.Guidance;

/// <summary>Grammars whose counts, depth or size a caller chose badly: told, or followed, on a small stack.</summary>
public sealed class HostileGrammarTests(ITestOutputHelper output)
{
    // Windows gives 1.5 MB to a thread, musl less; a quarter of a megabyte leaves a margin to both.
    private const int MaxMessage = 2_000;

    private static readonly Dictionary<string, Func<string>> Schemas = new(StringComparer.Ordinal)
    {
        ["minContains"] = () => """{"contains": {"const": 1}, "minContains": 2000000000}""",
        ["minContains 3000"] = () => """{"contains": {"const": 1}, "minContains": 3000}""",
        ["maxContains"] = () => """{"contains": {"const": 1}, "maxContains": 2000000000}""",
        ["maxContains 3000"] = () => """{"contains": {"const": 1}, "maxContains": 3000}""",
        ["contains beside minItems"] = () => """{"contains": {"const": 1}, "minItems": 2000000000}""",
        ["contains beside maxItems"] = () => """{"contains": {"const": 1}, "maxItems": 2147483647}""",
        ["contains four times"] = () =>
            $$"""{"allOf": [{{Join(4, i => $$"""{"contains": {"const": {{i}} }, "minContains": 7, "maxContains": 9}""")}}]}""",
        ["minItems"] = () => """{"type": "array", "minItems": 2000000000}""",
        ["maxItems"] = () => """{"type": "array", "items": {"type": "integer"}, "maxItems": 2000000000}""",
        ["minLength"] = () => """{"type": "string", "minLength": 2000000000}""",
        ["maxLength"] = () => """{"type": "string", "maxLength": 2000000000}""",
        ["maxLength beyond integers"] = () => """{"type": "string", "maxLength": 1e300}""",
        ["minLength beside a pattern"] = () => """{"type": "string", "pattern": "^a*$", "minLength": 2000000000}""",
        ["maxLength beside a pattern"] = () => """{"type": "string", "pattern": "^a*$", "maxLength": 3000000}""",
        ["length of an empty pattern"] = () => """{"type": "string", "pattern": "^a$", "minLength": 2000000000}""",
        ["minProperties"] = () => """{"type": "object", "minProperties": 2000000000}""",
        ["maxProperties"] = () => """{"type": "object", "maxProperties": 2000000000}""",
        ["minProperties beside names"] = () =>
            $$"""{"properties": { {{Join(300, i => $"\"p{i}\": true")}} }, "minProperties": 200}""",
        ["properties"] = () =>
            $$"""{"properties": { {{Join(15_000, i => $"\"p{i}\": true")}} }, "additionalProperties": false}""",
        ["too many properties"] = () =>
            $$"""{"properties": { {{Join(100_000, i => $"\"p{i}\": true")}} }, "required": [{{Join(100_000, i => $"\"p{i}\"")}}]}""",
        ["properties with schemas"] = () => $$"""{"properties": { {{Join(100_000, i => $$"""
            "p{{i}}": {"type": "integer"}
            """)}} } }""",
        ["prefixItems"] = () => $$"""{"prefixItems": [{{Join(100_000, _ => "true")}}], "minItems": 100000}""",
        ["prefixItems with schemas"] = () => $$"""{"prefixItems": [{{Join(20_000, _ => """{"type": "null"}""")}}]}""",
        ["const of many items"] = () => $$"""{"const": [{{Join(100_000, _ => "0")}}]}""",
        ["const of many levels"] = () => $$"""{"const": {{Nest(500, "[", "1", "]")}} }""",
        ["enum of many"] = () => $$"""{"enum": [{{Join(20_000, i => i.ToString(CultureInfo.InvariantCulture))}}]}""",
        ["enum of many characters"] = () => $$"""{"enum": [{{Join(40_000, i => $"\"\\u{0x1000 + i:X4}\"")}}]}""",
        ["properties in properties"] = () => Nest(250, """{"properties": {"a": """, "true", "}}"),
        ["properties 100,000 deep"] = () => Nest(100_000, """{"properties": {"a": """, "true", "}}"),
        ["items in items"] = () => Nest(500, """{"items": """, "true", "}"),
        ["allOf in allOf"] = () => Nest(60, """{"allOf": [""", """{"type": "null"}""", "]}"),
        ["allOf deep in allOf"] = () => Nest(250, """{"allOf": [""", """{"type": "null"}""", "]}"),
        ["anyOf in anyOf"] = () => Nest(60, """{"anyOf": [{"const": 1}, """, """{"type": "null"}""", "]}"),
        ["oneOf in oneOf"] = () => Nest(60, """{"oneOf": [{"const": 1}, """, """{"type": "null"}""", "]}"),
        ["not in not"] = () => Nest(60, """{"not": """, """{"type": "null"}""", "}"),
        ["if in if"] = () => Nest(60, """{"if": {"type": "null"}, "else": """, """{"type": "integer"}""", "}"),
        ["dependentSchemas in dependentSchemas"] = () =>
            Nest(60, """{"dependentSchemas": {"a": """, """{"type": "object"}""", "}}"),
        ["$ref chain"] = () => $$"""{"$ref": "#/$defs/d0", "$defs": { {{Join(2000, i => $$"""
            "d{{i}}": {"$ref": "#/$defs/d{{i + 1}}"}
            """)}}, "d2000": {"type": "null"} } }""",
        ["$ref to itself"] = () => """{"$ref": "#"}""",
        ["$ref in a circle"] = () =>
            """{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}""",
        ["$ref to a deep anchor"] = () =>
            $$"""{"$ref": "#x", "$defs": {"a": {{Nest(240, """{"items": """, """{"$anchor": "x", "type": "null"}""", "}")}} } }""",
        ["allOf of many"] = () =>
            $$"""{"allOf": [{{Join(10_000, _ => """{"properties": {"a": {"type": "integer"}}}""")}}]}""",
        ["anyOf of many"] = () => $$"""{"anyOf": [{{Join(10_000, i => $$"""{"const": {"a": {{i}} } }""")}}]}""",
        ["oneOf of members of members"] = () =>
            $$"""{"oneOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": { {{string.Join(',', "abcde".Select(name => $$"""
            "{{name}}": {"type": "object", "required": [{{Join(300, i => $"\"p{i}\"")}}], "properties": { {{Join(300, i => $$"""
                "p{{i}}": {"$ref": "#/$defs/{{(char)(name + 1)}}"}
                """)}} } }
            """))}}, "f": {"type": "null"} } }""",
        ["uniqueItems of many"] = () =>
            """{"uniqueItems": true, "items": {"type": "integer", "minimum": 0, "maximum": 1e300}}""",
        ["numbers of many digits"] = () =>
            $$"""{"type": "number", "minimum": 1e399, "multipleOf": {{new string('7', 300)}} }""",
        ["number of too many digits"] = () => $$"""{"const": {{new string('7', 100_000)}} }""",
        ["number of a huge exponent"] = () => """{"maximum": 1e2000000000}""",
        ["multiples of many"] = () =>
            $$"""{"allOf": [{{Join(200, i => $$"""{"multipleOf": 1{{i}}.{{new string('3', 300)}}{{i}} }""")}}]}""",
        ["a long name"] = () => $$"""{"{{new string('x', 1_700_000)}}": 1, "type": "{{new string('y', 1_700_000)}}"}""",
        ["a long type"] = () => $$"""{"type": "{{new string('y', 1_700_000)}}"}""",
        ["a long count"] = () => $$"""{"minLength": "{{new string('y', 1_700_000)}}"}""",
        ["a long list of properties"] = () => $$"""{"properties": [{{Join(200_000, _ => "1")}}]}""",
        ["a long reference"] = () => $$"""{"$ref": "#/{{new string('y', 1_700_000)}}"}""",
        ["a long anchor"] = () => $$"""{"$ref": "#{{new string('y', 1_700_000)}}"}""",
        ["a long dialect"] = () => $$"""{"$schema": "{{new string('y', 1_700_000)}}"}""",
        ["a bad pattern at a long path"] = () =>
            $$$"""{"properties": {"{{{new string('y', 1_700_000)}}}": {"pattern": "("} } }""",
        ["a long pattern"] = () => $$"""{"pattern": "{{new string('(', 1_700_000)}}"}""",
        ["no JSON, long"] = () => new string('[', 1_700_000),
        ["no JSON, a long word"] = () => new string('x', 1_700_000),
    };

    private static readonly Dictionary<string, Func<string>> Regexes = new(StringComparer.Ordinal)
    {
        ["count"] = () => "a{2000000000}",
        ["range of counts"] = () => "a{0,10000}",
        ["count of digits"] = () => $"a{{{new string('9', 9000)}}}",
        ["counts of counts"] = () => "(?:(?:(?:a{100}){100}){100}){100}",
        ["counts of counts of nothing"] = () => "(?:(?:(?:(?:){10000}){10000}){10000}){10000}",
        ["optional counts of nothing"] = () => "(?:(?:(?:(?:){0,10000}){0,10000}){0,10000}){0,10000}",
        ["groups in groups"] = () => new string('(', 100) + "a" + new string(')', 100),
        ["repeated groups in groups"] = () => Nest(100, "(b|", "a", ")*"),
        ["too deep groups"] = () => new string('(', 4000) + new string(')', 4000),
        ["open groups"] = () => new string('(', 9000),
        ["choices"] = () => string.Join('|', Enumerable.Repeat("a", 5000)),
        ["ambiguous"] = () => "(?:a|a?){60}(?:a|b)*a(?:a|b){14}",
        ["many characters"] = () => string.Concat(Enumerable.Range(0, 9000).Select(i => (char)(0x4E00 + i))) + "{2}",
        ["too long"] = () => new string('a', 1_700_000),
        ["malformed, long"] = () => new string('a', 9_000) + "(",
    };

    private static readonly Dictionary<string, Func<string>> Gbnfs = new(StringComparer.Ordinal)
    {
        ["count"] = () => "root ::= \"a\"{2000000000}",
        ["counts of counts"] = () => "root ::= (((\"a\"{2000}){2000}){2000}){2000}",
        ["counts of counts of nothing"] = () => "root ::= (((\"\"{2000}){2000}){2000}){2000} \"a\"",
        ["groups in groups"] = () => "root ::= " + new string('(', 100) + "\"a\"" + new string(')', 100),
        ["repeated groups in groups"] = () => "root ::= " + Nest(100, "(\"b\" | ", "\"a\"", ")*"),
        ["too deep groups"] = () => "root ::= " + new string('(', 4000) + new string(')', 4000),
        ["rule chain"] = () => "root ::= r0\n"
            + string.Concat(Enumerable.Range(0, 4900).Select(i => $"r{i} ::= r{i + 1}\n")) + "r4900 ::= \"a\"",
        ["nullable rule chain"] = () => "root ::= r0\n"
            + string.Concat(Enumerable.Range(0, 1900).Select(i => $"r{i} ::= r{i + 1} \"b\"?\n")) + "r1900 ::= \"\"",
        ["left recursion"] = () => "root ::= root \"a\"",
        ["too many rules"] = () => "root ::= r0\n"
            + string.Concat(Enumerable.Range(0, 50_000).Select(i => $"r{i} ::= r{i + 1}\n")) + "r50000 ::= \"a\"",
        ["long name"] = () => "root ::= " + new string('n', 900_000),
        ["long repeated name"] = () => string.Concat(Enumerable.Repeat(new string('n', 400_000) + " ::= \"a\"\n", 2)),
        ["too long"] = () => new string('n', 1_700_000),
    };

    private static readonly Dictionary<string, Func<string[]>> Choices = new(StringComparer.Ordinal)
    {
        ["many"] = () => [.. Enumerable.Range(0, 100_000).Select(i => $"choice {i}")],
        ["many characters"] = () => [.. Enumerable.Range(0, 40_000).Select(i => $"{(char)(0x1000 + i)}")],
        ["long"] = () => [new string('x', 1_700_000)],
        ["null"] = () => ["a", null!],
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (kind, names) in new (string, IEnumerable<string>)[]
            {
                ("json_schema", Schemas.Keys), ("regex", Regexes.Keys), ("gbnf", Gbnfs.Keys), ("choice", Choices.Keys),
            })
            {
                foreach (var name in names)
                {
                    data.Add(kind, name);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Grammar_Hostile_IsFollowedOrRefusedOnASmallStack(string kind, string name)
    {
        var error = SmallStack.Run(() => Walk(kind switch
        {
            "json_schema" => GuidanceGrammar.JsonSchema(Schemas[name]()),
            "regex" => GuidanceGrammar.Regex(Regexes[name]()),
            "gbnf" => GuidanceGrammar.Gbnf(Gbnfs[name]()),
            _ => GuidanceGrammar.Choice(Choices[name]()),
        }));
        output.WriteLine(error is null ? "followed" : $"{error.GetType().Name}: {error.Message}");
        if (error is not null)
        {
            Assert.True(error is ArgumentException or NotSupportedException, error.ToString());
            Assert.InRange(error.Message.Length, 20, MaxMessage);
        }
    }

    [Theory]
    [InlineData("minContains",
        "The JSON schema has 'contains' with such large counts at '#', which cannot be guaranteed there. "
        + "Remove it from the schema, and check it in your code.")]
    [InlineData("properties 100,000 deep",
    "The JSON schema's text is more than 512 levels deep. Move parts of it into '$defs', "
        + "and refer to them by '$ref'.")]
    [InlineData("$ref chain", "The JSON schema is more than 64 levels deep at '#/$defs/d63'. Flatten it.")]
    public void Schema_Hostile_SaysWhatIsTooMuch(string name, string message)
        => Assert.Equal(message, SmallStack.Run(() => GuidanceGrammar.JsonSchema(Schemas[name]()))?.Message);

    // Goes a few bytes along the grammar, as the first tokens of an answer would.
    private static void Walk(GuidanceGrammar grammar)
    {
        var automaton = new GrammarAutomaton(grammar.Element);
        var state = automaton.Start;
        for (var i = 0; i < 12 && state is not null; i++)
        {
            var from = state;
            state = Enumerable.Range(0, 256).Select(value => automaton.Next(from, (byte)value))
                .FirstOrDefault(next => next is not null);
        }
    }

    private static string Join(int count, Func<int, string> item)
        => string.Join(',', Enumerable.Range(0, count).Select(item));

    private static string Nest(int count, string open, string inner, string close)
        => new StringBuilder().Insert(0, open, count).Append(inner)
        .Insert(open.Length * count + inner.Length, close, count).ToString();
}
