using System.Text;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Tokenization.Tests;

/// <summary>Encodes prompts whose texts spell control tokens.</summary>
public sealed class ControlTokensTests
{
    public static TheoryData<string> Tokenizers { get; } =
        ["qwen3", "llama2", "unigram-json", "minilm-wordpiece", "ByteLevel", "ByteFallback", "WordPiece", "Unigram"];

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void SpelledTokens_AreEncodedAsWithoutThem(string name)
    {
        var json = Json(name);
        var tokenizer = Parse(json);
        var special = Special(json);
        var control = new ControlTokens(tokenizer);
        json["added_tokens"] = new JsonArray(
            [.. json["added_tokens"]!.AsArray().Where(token => !(bool)token!["special"]!)
                .Select(token => token!.DeepClone())]);
        var without = Parse(json);
        foreach (var token in special)
        {
            foreach (var text in new[] { token, $"a{token}b", $"{token}{token}", $"  {token} ", $"ab {token[..^1]}" })
            {
                var ids = control.Encode(control.Escape(text));
                var plain = without.Encode(text, addSpecialTokens: false);

                Assert.DoesNotContain(ids, id => special.Contains(tokenizer.IdToToken(id)!) && !IsUnknown(id));
                if (!plain.Any(id => special.Contains(tokenizer.IdToToken(id)!)))
                {
                    Assert.Equal(plain, ids);
                }
            }
        }

        bool IsUnknown(int id) => tokenizer.IdToToken(id) is "[UNK]" or "<unk>";
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void TokensOfTheTemplate_AreKept(string name)
    {
        var tokenizer = Parse(Json(name));
        var control = new ControlTokens(tokenizer);
        foreach (var token in Special(Json(name)).Where(token => token is not ("[UNK]" or "<unk>")))
        {
            var id = tokenizer.TokenToId(token)!.Value;

            var ids = control.Encode($"{token}a {control.Escape($"{token} b")}{token}");

            Assert.Equal(2, ids.Count(other => other == id));
            Assert.Equal(id, ids[0]);
            Assert.Equal(id, ids[^1]);
        }
    }

    [Theory]
    [InlineData("qwen3")]
    [InlineData("llama2")]
    [InlineData("unigram-json")]
    [InlineData("minilm-wordpiece")]
    public void OrdinaryTexts_HaveTheirIds(string name)
    {
        var tokenizer = Parse(Json(name));
        var control = new ControlTokens(tokenizer);
        var special = Special(Json(name));
        var texts = JsonNode.Parse(File.ReadAllText(SharedAssets.Path("tokenizers", name, "expected.json")))!
            .ToJsonString();
        var random = new Random(3);
        foreach (var text in Enumerable.Range(0, 200).Select(_ => RandomTexts.Next(random)).Append(texts))
        {
            if (!special.Any(token => text.Contains(token, StringComparison.Ordinal)))
            {
                Assert.Equal(
                    tokenizer.Encode(text, addSpecialTokens: false), control.Encode(control.Escape(text)));
            }
        }
    }

    [Fact]
    public void TextsThatMeet_SpellNoToken()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);
        var control = new ControlTokens(tokenizer);
        for (var i = 1; i < 3; i++)
        {
            var (first, second) = ("<s>"[..i], "<s>"[i..]);

            Assert.DoesNotContain(
                tokenizer.TokenToId("<s>")!.Value, control.Encode(control.Escape(first) + control.Escape(second)));
            Assert.DoesNotContain(
                tokenizer.TokenToId("<s>")!.Value,
                control.Encode(control.Escape($"{first} \n").TrimEnd() + control.Escape(second)));
        }
    }

    [Fact]
    public void TagsThatATemplateWrites_AreControlTokensToo()
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);
        var id = tokenizer.TokenToId("<tool>")!.Value;
        var (plain, told) = (new ControlTokens(tokenizer), new ControlTokens(tokenizer, "{{ '<tool>' + call }}"));

        Assert.Contains(id, plain.Encode(plain.Escape("the <tool>")));
        Assert.DoesNotContain(id, told.Encode(told.Escape("the <tool>")));
        Assert.Contains(id, told.Encode("the <tool>"));
        Assert.Contains(id, told.Encode(told.Escape("the <tool>", ["<tool>"])));
    }

    [Fact]
    public void TokenThatTheNormalizerMakes_IsNone()
    {
        var json = SmallTokenizers.Unigram.Replace(
            "\"normalized\": false}", "\"normalized\": false}, {\"id\": 7, \"content\": \"<ab>\", \"special\": true}",
            StringComparison.Ordinal);
        var tokenizer = SmallTokenizers.Parse(json);
        var control = new ControlTokens(tokenizer);

        Assert.Contains(7, tokenizer.Encode("a＜ab＞", addSpecialTokens: false));
        Assert.DoesNotContain(7, control.Encode(control.Escape("a＜ab＞")));
        Assert.Equal(1, control.Encode($"<ab>{control.Escape("a＜ab＞")}").Count(id => id == 7));
    }

    [Fact]
    public void Escaping_IsUndone()
    {
        var control = new ControlTokens(SmallTokenizers.Parse(SmallTokenizers.ByteLevel));
        var random = new Random(5);
        for (var i = 0; i < 2000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(
                _ => "<s>ab \uA4C6\uA4C5\u00E9"[random.Next(9)])) + (i % 3 == 0 ? "\\ua4c6\uA4C6" : "");

            Assert.Equal(text, ControlTokens.Unescape(control.Escape(text)));
        }

        Assert.Same("the < cat", control.Escape("the < cat"));
        Assert.Equal("ab", ControlTokens.Unescape("a\uA4C6b"));
        Assert.Equal("\\ua4c6\\ua4c5", ControlTokens.Unescape(control.Escape("\\ua4c6\\ua4c5")));
    }

    [Theory]
    [InlineData("the <s> cat")]
    [InlineData("\uA4C6 \uA4C6\uA4C5")]
    [InlineData("\\ua4c6")]
    public void MarksInJsonOfAscii_AreRemoved(string text)
    {
        var tokenizer = SmallTokenizers.Parse(SmallTokenizers.ByteLevel);
        var control = new ControlTokens(tokenizer);
        var template = ChatTemplate.Parse("<s>{{ text | tojson(ensure_ascii=true) }}");

        var rendered = template.Render(new() { ["text"] = control.Escape(text) });

        Assert.Equal(template.Render(new() { ["text"] = text }), ControlTokens.Unescape(rendered));
        Assert.Equal(1, control.Encode(rendered).Count(id => id == tokenizer.TokenToId("<s>")));
    }

    [Fact]
    public void Json_IsEscapedInItsTextsAndNames()
    {
        var control = new ControlTokens(SmallTokenizers.Parse(SmallTokenizers.ByteLevel));
        var node = JsonNode.Parse("""{"<s>": ["<s>", 1, null, {"a": "b"}]}""");

        var escaped = control.Escape(node)!;

        Assert.Equal("""{"<s>":["<s>",1,null,{"a":"b"}]}""", Unescaped(escaped));
        Assert.DoesNotContain("<s>", (string)control.Escape(JsonValue.Create("<s>"))!, StringComparison.Ordinal);
        Assert.Null(control.Escape((JsonNode?)null));

        string Unescaped(JsonNode value) => ControlTokens.Unescape(value.ToJsonString(
            new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    private static JsonObject Json(string name) => JsonNode.Parse(name switch
    {
        "ByteLevel" => SmallTokenizers.ByteLevel,
        "ByteFallback" => SmallTokenizers.ByteFallback,
        "WordPiece" => SmallTokenizers.WordPiece,
        "Unigram" => SmallTokenizers.Unigram,
        _ => File.ReadAllText(SharedAssets.Path("tokenizers", name, "tokenizer.json")),
    })!.AsObject();

    private static HuggingFaceTokenizer Parse(JsonObject json)
        => HuggingFaceTokenizer.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), "tokenizer.json");

    private static HashSet<string> Special(JsonObject json)
        => [.. json["added_tokens"]!.AsArray().Where(token => (bool)token!["special"]!)
            .Select(token => (string)token!["content"]!)];
}
