using System.Globalization;
using System.Text.Json;

namespace Slipway.Tests.Guidance;

public sealed class JsonSchemaCompilerTests
{
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
    public void Integer_WithinBounds_IsTakenAndNoOther(int least, int most)
    {
        var automaton = GrammarWalks.Compile($$"""{"type":"integer","minimum":{{least}},"maximum":{{most}}}""");

        Assert.All(
            Enumerable.Range(-1100, 2200),
            value => Assert.Equal(
                value >= least && value <= most,
                automaton.Accepts(value.ToString(CultureInfo.InvariantCulture))));
    }

    [Theory]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":12}""", -1.5, 12)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1}""", 0, 1)]
    [InlineData("""{"type":"number","minimum":5}""", 5, 1e15)]
    public void Number_DrawnWithinBounds_LiesThere(string schema, double least, double most)
    {
        var automaton = GrammarWalks.Compile(schema);
        var random = new Random(1);

        for (var i = 0; i < 300; i++)
        {
            var value = JsonDocument.Parse(automaton.Draw(random)!).RootElement.GetDouble();
            Assert.InRange(value, least, most);
            Assert.False(schema.Contains("exclusiveMax", StringComparison.Ordinal) && value == most);
            Assert.False(schema.Contains("exclusiveMin", StringComparison.Ordinal) && value == least);
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
        var automaton = GrammarWalks.Compile("""{"type":"array","items":{"anyOf":[{"const":"<b>"},{"type":"string"}]}}""", "<");

        Assert.True(automaton.Accepts("""["\u003Cb\u003E"]"""));
        Assert.False(automaton.Accepts("""["<b>"]"""));
    }

    [Theory]
    [InlineData(
        """{"type":"string","pattern":"^a"}""",
        "The JSON schema has 'pattern' at '#', which cannot be guaranteed there. Remove it from the schema, and check it in "
        + "your code.")]
    [InlineData(
        """{"properties":{"x":{"type":"array","uniqueItems":true}}}""",
        "The JSON schema has 'uniqueItems' at '#/properties/x', which cannot be guaranteed there. Remove it from the schema, "
        + "and check it in your code.")]
    [InlineData(
        """{"oneOf":[{"type":"integer"},{"type":"number"}]}""",
        "The JSON schema has a choice at '#/oneOf' of which more than one could hold at once, so 'oneOf' cannot be "
        + "guaranteed. Use 'anyOf', or give the choices different types or a property with different 'const' values.")]
    [InlineData(
        """{"type":"string","format":"ipv4"}""",
        "The JSON schema has the format 'ipv4' at '#', which cannot be guaranteed there. Known are 'date', 'time', "
        + "'date-time', 'uuid', 'email', 'uri', without 'minLength' and 'maxLength'.")]
    [InlineData(
        """{"type":"number","minimum":0.2,"maximum":0.8}""",
        "The JSON schema's bounds at '#' hold no integer, and numbers within such bounds cannot be guaranteed. Widen them, "
        + "and check the value in your code.")]
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
    [InlineData(
        """{"minItems":3,"maxItems":2}""",
        "The JSON schema's 'maxItems' at '#' is '2', less than its minimum '3'.")]
    [InlineData(
        """{"type":"string","enum":[1]}""",
        "The JSON schema has no value at '#/enum' that is of its type.")]
    [InlineData(
        """{"type":"object","required":["x"],"additionalProperties":false}""",
        "The JSON schema requires the property 'x' at '#' and forbids it by 'additionalProperties'.")]
    public void Schema_ThatIsMalformed_IsRefused(string schema, string message)
        => Assert.Equal(message, Assert.Throws<ArgumentException>(() => GrammarWalks.Compile(schema)).Message);
}
