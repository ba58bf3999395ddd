using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Guidance;
using Slipway.Testing;
using Slipway.Tests.Chat;

namespace Slipway.Tests.Guidance.Json;

public sealed class SchemaAnnotationTests
{
    public static TheoryData<string> Reported
    {
        get
        {
            var data = new TheoryData<string>();
            if (SharedAssets.Available)
            {
                foreach (var row in Read().EnumerateArray())
                {
                    data.Add(row.GetProperty("name").GetString()!);
                }
            }

            return data;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Reported))]
    public async Task Schema_Reported_IsTakenAndItsInstancePossible(string name)
    {
        var row = Read().EnumerateArray().Single(row => row.GetProperty("name").GetString() == name);
        var (schema, want) = (row.GetProperty("schema"), row.GetProperty("want").GetString()!);

        Assert.True(new GrammarAutomaton(GuidanceGrammar.JsonSchema(schema).Element).Accepts(want));
        Assert.True((await ChatGrammarAsync(ChatResponseFormat.ForJsonSchema(schema))).Accepts(want));
    }

    [Theory]
    [InlineData("""{"type":"integer","format":"int64"}""", "5")]
    [InlineData("""{"type":"number","format":"date"}""", "1.5")]
    [InlineData("""{"format":"decimal"}""", "1.5")]
    [InlineData("""{"type":"string","format":"regex"}""", "\"(\"")]
    [InlineData("""{"type":"string","format":"uri-reference"}""", "\"../a?b#c\"")]
    [InlineData("""{"type":"string","format":"made-up","x-y":{"z":[1]},"X_y":null}""", "\"q\"")]
    [InlineData("""{"type":"string","nullable":true,"xml":{"name":"n"},"externalDocs":{},"example":1}""", "\"q\"")]
    [InlineData("""{"type":"string","contentEncoding":"base64","contentMediaType":"image/png","contentSchema":false}""", "\"q\"")]
    [InlineData("""{"$comment":"c","title":"t","description":"d","default":7,"examples":[1],"type":"boolean"}""",
        "true")]
    [InlineData("""{"type":"boolean","readOnly":true,"writeOnly":true,"deprecated":true,"$vocabulary":{}}""", "true")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"null","x-a":1}},"propertyOrder":["a"],"additionalProperties":false}""", "{\"a\":null}")]
    public void Keyword_ThatOnlyAnnotates_ConstrainsNothing(string schema, string document)
        => Assert.True(GrammarWalks.Compile(schema).Accepts(document));

    [Theory]
    [InlineData("unevaluatedItems", "false")]
    [InlineData("unevaluatedProperties", "false")]
    [InlineData("$dynamicRef", "\"#a\"")]
    [InlineData("$recursiveRef", "\"#\"")]
    [InlineData("dependencies", "{}")]
    [InlineData("additionalItems", "false")]
    public void Keyword_ThatConstrainsAndIsNotFollowed_IsRefused(string keyword, string value)
        => Assert.StartsWith(
            $"The JSON schema has '{keyword}' at '#'",
            Assert.Throws<NotSupportedException>(() => GrammarWalks.Compile($$"""{"{{keyword}}":{{value}}}""")).Message,
            StringComparison.Ordinal);

    internal static async Task<GrammarAutomaton> ChatGrammarAsync(ChatResponseFormat format)
    {
        using var model = ScriptedModel.Answering("{}");
        using var client = model.ToClient();
        await client.GetResponseAsync("Q", new() { ResponseFormat = format }, TestContext.Current.CancellationToken);
        return new(Assert.Single(model.Guidance).Grammar());
    }

    private static JsonElement Read()
    {
        using var document = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(SharedAssets.Path("reported", "schema-annotations"), "schemas.json")));
        return document.RootElement.Clone();
    }
}
