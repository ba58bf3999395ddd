using System.Globalization;
using System.Text.Json;
using Slipway.Guidance;
using Slipway.Guidance.Json;

namespace Slipway.Tests.Guidance.Json;

public sealed class JsonSchemaCompilerTests
{
    private const string Nothing = "The JSON schema asks for what cannot be: nothing satisfies it.";

    private const string Person = """
        {"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":3},"age":{"type":"integer","minimum":0,
        "maximum":120},"kind":{"enum":["a<b","é"]},"tags":{"type":"array","items":{"type":"boolean"},"maxItems":2},
        "boss":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["name","kind"],"additionalProperties":false}
        """;

    [Theory]
    [InlineData("""{"name":"Ann","kind":"é"}""", true)]
    [InlineData("""{"name": "Ann", "age": 7, "kind": "a<b", "tags": [true, false], "boss": null}""", true)]
    [InlineData("{\n  \"name\": \"A\",\n  \"kind\": \"é\"\n}", true)]
    [InlineData("""{"name":"A","kind":"é","boss":{"name":"B","kind":"é"}}""", true)]
    [InlineData("""{"name":"\u00e4\n","kind":"é"}""", true)]
    [InlineData("""{"name":"","kind":"é"}""", false)]
    [InlineData("""{"name":"Anna","kind":"é"}""", false)]
    [InlineData("""{"name":"A"}""", false)]
    [InlineData("""{"name":"A","age":121,"kind":"é"}""", false)]
    [InlineData("""{"name":"A","age":07,"kind":"é"}""", false)]
    [InlineData("""{"name":"A","age":-1,"kind":"é"}""", false)]
    [InlineData("""{"name":"A","kind":"c"}""", false)]
    [InlineData("""{"name":"A","kind":"é","tags":[true,true,true]}""", false)]
    [InlineData("""{"name":"A","kind":"é","other":1}""", false)]
    [InlineData("""{"name":"A","kind":"é","boss":{}}""", false)]
    [InlineData("""{"name":"A","kind":"é",}""", false)]
    [InlineData("""{"name":"A","kind":"é"}}""", false)]
    [InlineData("""{"name":"\ud800","kind":"é"}""", false)]
    public void Document_OfASchema_IsTakenOnlyWhereItIsValid(string text, bool valid)
        => Assert.Equal(valid, GrammarWalks.Compile(Person).Accepts(text));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(7, 120)]
    [InlineData(-15, 3)]
    [InlineData(-120, -7)]
    [InlineData(98, 1002)]
    public void Integer_WithinBounds_IsTakenAndNoOther(int min, int max)
    {
        var automaton = GrammarWalks.Compile($$"""{"type":"integer","minimum":{{min}},"maximum":{{max}}}""");

        Assert.All(
            Enumerable.Range(-1100, 2200),
            value => Assert.Equal(
                value >= min && value <= max,
                automaton.Accepts(value.ToString(CultureInfo.InvariantCulture))));
    }

    [Theory]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":12}""", -1.5, 12)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1}""", 0, 1)]
    [InlineData("""{"type":"number","minimum":5}""", 5, 1e15)]
    public void Number_DrawnWithinBounds_LiesThere(string schema, double min, double max)
    {
        var automaton = GrammarWalks.Compile(schema);
        var random = new Random(1);

        for (var i = 0; i < 300; i++)
        {
            var value = JsonDocument.Parse(automaton.Draw(random)!).RootElement.GetDouble();
            Assert.InRange(value, min, max);
            Assert.False(schema.Contains("exclusiveMax", StringComparison.Ordinal) && value == max);
            Assert.False(schema.Contains("exclusiveMin", StringComparison.Ordinal) && value == min);
        }
    }

    [Fact]
    public void Documents_DrawnFromASchema_AllParseAndHaveItsMembers()
    {
        var automaton = GrammarWalks.Compile(Person);
        var random = new Random(2);
        var drawn = Enumerable.Range(0, 200).Select(_ => automaton.Draw(random)).OfType<byte[]>().ToList();

        Assert.True(drawn.Count > 100);
        Assert.All(drawn, bytes =>
        {
            var root = JsonDocument.Parse(bytes).RootElement;
            Assert.InRange(new StringInfo(root.GetProperty("name").GetString()!).LengthInTextElements, 1, 3);
            Assert.Contains(root.GetProperty("kind").GetString(), new[] { "a<b", "é" });
        });
    }

    [Theory]
    [InlineData("date-time")]
    [InlineData("date")]
    [InlineData("uuid")]
    [InlineData("uri")]
    public void Format_Drawn_IsReadByDotNet(string format)
    {
        var automaton = GrammarWalks.Compile($$"""{"type":"string","format":"{{format}}"}""");
        var random = new Random(3);

        for (var i = 0; i < 50; i++)
        {
            var value = JsonDocument.Parse(automaton.Draw(random)!).RootElement;
            Assert.True(format switch
            {
                "date-time" => value.TryGetDateTimeOffset(out _),
                "date" => DateOnly.TryParseExact(value.GetString(), "yyyy-MM-dd", out _),
                "uuid" => value.TryGetGuid(out _),
                _ => Uri.TryCreate(value.GetString(), UriKind.Absolute, out _),
            });
        }
    }

    [Fact]
    public void Texts_WhereTagsMustNotAppear_HoldTheirFirstCharacterOnlyEscaped()
    {
        var automaton = GrammarWalks.Compile(
            """{"type":"array","items":{"anyOf":[{"const":"<b>"},{"type":"string"}]}}""", "<");

        Assert.True(automaton.Accepts("""["\u003Cb\u003E"]"""));
        Assert.False(automaton.Accepts("""["<b>"]"""));
    }

    [Theory]
    [InlineData(
        """{"type":"string","pattern":"a(?=b)"}""",
        "The JSON schema has a 'pattern' at '#/pattern' that cannot be guaranteed. The regular expression 'a(?=b)' has "
        + "a look-ahead before position 4, which token masks cannot follow. Write it without, and check the rest in "
        + "your code.")]
    [InlineData(
        """{"properties":{"x":{"type":"array","uniqueItems":true}}}""",
        "The JSON schema has 'uniqueItems' of items that may have more than 10 values at '#/properties/x', which "
        + "cannot be guaranteed there. Remove it from the schema, and check it in your code.")]
    [InlineData(
        """{"type":"object","unevaluatedProperties":false}""",
        "The JSON schema has 'unevaluatedProperties' at '#', which cannot be guaranteed there. Remove it from the "
        + "schema, and check it in your code.")]
    [InlineData(
        """{"not":{"patternProperties":{"a":{"type":"null"}}}}""",
        "The JSON schema has 'patternProperties' under a negation, or in a choice of which several may hold, at "
        + "'#/not', which cannot be guaranteed there. Remove it from the schema, and check it in your code.")]
    [InlineData(
        """{"type":"object","minProperties":2}""",
        "The JSON schema has 'minProperties' of 2 beside members of any name at '#', which cannot be guaranteed there. "
        + "Remove it from the schema, and check it in your code.")]
    [InlineData(
        """{"items":{"dependencies":{"a":["b"]}}}""",
        "The JSON schema has 'dependencies' at '#/items', which cannot be guaranteed there. Remove it from the schema, "
        + "and check it in your code.")]
    [InlineData(
        """{"$schema":"http://example.com/my","type":"string"}""",
        "The JSON schema has the '$schema' 'http://example.com/my' at '#', which cannot be guaranteed there. Remove it "
        + "from the schema, and check it in your code.")]
    [InlineData(
        """{"$ref":"other.json"}""",
        "The JSON schema refers to 'other.json' at '#'; only references within the schema, such as '#/$defs/name', are "
        + "followed.")]
    public void Schema_ThatCannotBeGuaranteed_IsRefusedByName(string schema, string message)
        => Assert.Equal(message, Assert.Throws<NotSupportedException>(() => GrammarWalks.Compile(schema)).Message);

    [Theory]
    [InlineData("""{"$ref":"#"}""", "The JSON schema's reference '#' at '#' leads to itself only.")]
    [InlineData("""{"$ref":"#/$defs/x"}""", "The JSON schema refers to '#/$defs/x' at '#', which is not in it.")]
    [InlineData("false", "The JSON schema has 'false' at '#'; expected a schema that something can satisfy.")]
    [InlineData(
        """{"type":"text"}""",
        "The JSON schema has the type 'text' at '#/type'; expected 'object', 'array', 'string', 'integer', 'number', "
        + "'boolean' or 'null'.")]
    [InlineData("""{"minLength":-1}""", "The JSON schema has '-1' at '#/minLength'; expected a count.")]
    [InlineData("""{"$ref":"#x"}""", "The JSON schema refers to '#x' at '#', which is no '$anchor' in it.")]
    [InlineData("""{"multipleOf":0}""", "The JSON schema has '0' at '#/multipleOf'; expected a number above 0.")]
    [InlineData("""{"type":"array","minItems":3,"maxItems":2}""", Nothing)]
    [InlineData("""{"type":"string","enum":[1]}""", Nothing)]
    [InlineData("""{"type":"object","required":["x"],"additionalProperties":false}""", Nothing)]
    [InlineData("""{"type":"integer","minimum":0.2,"maximum":0.8}""", Nothing)]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""", Nothing)]
    [InlineData("""{"allOf":[{"type":"string","pattern":"^a+$"},{"type":"string","pattern":"^b+$"}]}""", Nothing)]
    public void Schema_ThatIsMalformed_IsRefused(string schema, string message)
        => Assert.Equal(message, Assert.Throws<ArgumentException>(Unwrap(schema)).Message);

    // A loop is told by a subclass.
    private static Action Unwrap(string schema) => () =>
    {
        try
        {
            GrammarWalks.Compile(schema);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException(e.Message);
        }
    };

    [Theory]
    [InlineData("""{"type":"integer","multipleOf":3,"minimum":10,"maximum":20}""", new[] { 12, 15, 18 })]
    [InlineData("""{"type":"integer","exclusiveMinimum":-3,"exclusiveMaximum":2,"not":{"const":0}}""",
        new[] { -2, -1, 1 })]
    [InlineData("""{"oneOf":[{"multipleOf":4},{"multipleOf":6}],"type":"integer","minimum":0,"maximum":13}""",
    new[] { 4, 6, 8 })]
    [InlineData("""{"if":{"type":"integer","minimum":3},"then":{"maximum":5},"else":{"const":1}}""",
    new[] { 1, 3, 4, 5 })]
    [InlineData("""{"enum":[7,"7",2.0],"type":["integer","null"]}""", new[] { 2, 7 })]
    public void Integers_OfCombinedSchemas_AreThoseThatSatisfyAll(string schema, int[] expected)
    {
        var automaton = GrammarWalks.Compile(schema);

        Assert.Equal(expected, Enumerable.Range(-50, 100)
            .Where(value => automaton.Accepts(value.ToString(CultureInfo.InvariantCulture))));
    }

    [Theory]
    [InlineData("""["a",1,null]""", true)]
    [InlineData("""[1,2,3,"a","b"]""", true)]
    [InlineData("[]", true)]
    [InlineData("""["a",1,"a"]""", false)]
    [InlineData("[1,1]", false)]
    [InlineData("""[4]""", false)]
    public void Items_ThatMustDiffer_ComeOnceEach(string text, bool valid)
        => Assert.Equal(valid, GrammarWalks.Compile(
            """
            {"type":"array","uniqueItems":true,"items":{"anyOf":[{"enum":["a","b",null]},{"type":"integer","minimum":1,
            "maximum":3}]}}
            """).Accepts(text));

    [Fact]
    public void Anchor_OfASchema_IsFollowed()
    {
        var automaton = GrammarWalks.Compile(
            """{"type":"array","items":{"$ref":"#leaf"},"$defs":{"x":{"$anchor":"leaf","type":"null"}},"default":{"$anchor":"leaf"}}""");

        Assert.True(automaton.Accepts("[null,null]"));
        Assert.False(automaton.Accepts("[1]"));
    }

    [Fact]
    public void Objects_ThatNameNoOthers_AreClosedWhereAskedFor()
    {
        const string Schema = """{"type":"object","properties":{"a":{"type":"null"}}}""";
        using var document = JsonDocument.Parse(Schema);

        Assert.True(GrammarWalks.Compile(Schema).Accepts("""{"a":null,"b":[1]}"""));
        Assert.False(GrammarWalks.Compile(Schema).Accepts("""{"a":null,"a":1}"""));
        Assert.False(GrammarWalks.Compile(Schema).Accepts("""{"\u0061":1}"""));
        Assert.False(new GrammarAutomaton(JsonSchemaCompiler.Compile(document.RootElement, "", closesObjects: true))
            .Accepts("""{"a":null,"b":[1]}"""));
    }

    public static TheoryData<string, string> Hostile => new()
    {
        // Each part asks for two of the next.
        { Doubling("allOf"), "" },
        { Doubling("anyOf"), "" },
        {
            "{\"allOf\":[" + string.Join(',', Enumerable.Range(0, 12).Select(i =>
                $"{{\"anyOf\":[{{\"properties\":{{\"a{i}\":{{\"type\":\"null\"}}}}}}"
                + $",{{\"properties\":{{\"b{i}\":{{\"type\":\"null\"}}}}}}]}}")) + "]}",
            "The JSON schema has more than 256 alternatives at '#', which cannot be guaranteed there."
        },
        { """{"type":"string","pattern":"((a{1000}){1000}){1000}"}""",
            "is too large once its repetitions are written out" },
        { """{"type":"string","pattern":"^(ab?)*$","maxLength":2000000000}""", "are too large together" },
        { """{"type":"number","minimum":1e999999}""", "numbers of at most 400 digits are supported" },
        { """{"type":"array","items":{"type":"null"},"minItems":2000000000}""", "" },
        { """{"type":"array","contains":{"type":"null"},"minContains":100000}""", "'contains' with such large counts" },
        { """{"type":"string","minLength":2000000000}""", "" },
        { string.Concat(Enumerable.Repeat("{\"not\":", 100)) + "{}" + new string('}', 100), "levels deep" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Schema_ThatIsHostile_IsRefusedOrCompiledSoon(string schema, string message)
    {
        using var document = JsonDocument.Parse(schema, new() { MaxDepth = 512 });
        var error = Record.Exception(
            () => new GrammarAutomaton(JsonSchemaCompiler.Compile(document.RootElement, "")).Start);

        if (message.Length == 0)
        {
            Assert.Null(error);
        }
        else
        {
            Assert.Contains(message, Assert.IsType<NotSupportedException>(error).Message, StringComparison.Ordinal);
        }
    }

    private static string Doubling(string keyword)
        => "{\"$ref\":\"#/$defs/d0\",\"$defs\":{" + string.Join(',', Enumerable.Range(0, 30).Select(i =>
            $"\"d{i}\":{{\"{keyword}\":[{{\"$ref\":\"#/$defs/d{i + 1}\"}},{{\"$ref\":\"#/$defs/d{i + 1}\"}}]}}"))
            + ",\"d30\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"}}}}}";
}
