using System.Text;
using System.Text.Json.Nodes;

namespace Slipway.Packaging.Tests;

public sealed class TokenizerConfigTests
{
    [Theory]
    [InlineData("""{"bos_token": "<a>"}""", """{"bos_token": "<b>"}""", "<a>")]
    [InlineData("""{"bos_token": {"content": "<a>"}}""", null, "<a>")]
    [InlineData("""{"bos_token": null}""", """{"bos_token": "<b>"}""", "<b>")]
    [InlineData(null, """{"bos_token": {"content": "<b>", "lstrip": false}}""", "<b>")]
    [InlineData("""{"bos_token": 3}""", null, null)]
    [InlineData(null, null, null)]
    public void AddTo_BosToken_ComesFromTheFirstFileThatNamesIt(string? config, string? map, string? expected)
    {
        JsonObject variables = [];
        Read(("tokenizer_config.json", config), ("special_tokens_map.json", map)).AddTo(variables);
        Assert.Equal(expected, (string?)variables["bos_token"]);
    }

    [Fact]
    public void AddTo_TokensOfAllKinds_AreSetButNeverReplaced()
    {
        JsonObject variables = new() { ["pad_token"] = "mine" };

        Read(("special_tokens_map.json", """
            {"pad_token": "p", "unk_token": {"content": "u"}, "sep_token": "s", "additional_special_tokens":
             ["x", {"content": "y"}], "extra_special_tokens": {"image_token": "<image>"}}
            """)).AddTo(variables);

        Assert.Equal(
            """{"pad_token":"mine","unk_token":"u","sep_token":"s","image_token":"\u003Cimage\u003E","additional_special_tokens":["x","y"]}""",
            variables.ToJsonString());
    }

    [Theory]
    [InlineData("""{"eos_token": "e", "added_tokens_decoder": {"7": {"content": "e"}}}""", null, null, 7)]
    [InlineData("""{"eos_token": "e"}""", """{"e": 8}""", null, 8)]
    [InlineData("""{"eos_token": "e"}""", null, """{"added_tokens": [{"id": 9, "content": "e"}]}""", 9)]
    [InlineData("""{"eos_token": "e"}""", null, """{"model": {"vocab": {"a": 0, "e": 10}}}""", 10)]
    [InlineData("""{"eos_token": "e"}""", null, """{"model": {"vocab": [["a", 0], ["e", -1]]}}""", 1)]
    [InlineData("""{"eos_token": "e"}""", null, """{"model": {"vocab": [[], 3, [null], {}]}}""", null)]
    [InlineData("""{"eos_token": "e"}""", null, "{", null)]
    [InlineData("""{"eos_token": "e"}""", null, "[]", null)]
    [InlineData("""{"eos_token": "e"}""", """{"e": -1}""", """{"added_tokens": [{"content": "e"}, null, 3]}""", null)]
    [InlineData("{}", null, """{"model": {"vocab": {"e": 10}}}""", null)]
    public void EndTokenId_OfTheTokenThatIsNamed_IsFoundInTheFirstFileThatHasIt(
        string config, string? added, string? tokenizer, int? expected) => Assert.Equal(expected, Read(
            ("tokenizer_config.json", config), ("added_tokens.json", added), ("tokenizer.json", tokenizer)).EndTokenId);

    [Theory]
    [InlineData(null, """{"chat_template": "c"}""", null, "c", "c")]
    [InlineData("j", """{"chat_template": "c"}""", """{"chat_template": "p"}""", "j", "j")]
    [InlineData(null, "{}", """{"chat_template": "p"}""", "p", "p")]
    [InlineData(null,
        """{"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}""", null,
            "d", "t")]
    [InlineData(null, """{"chat_template": [{"name": "default", "template": "d"}, null, 3, {"name": 4}]}""", null, "d",
    "d")]
    [InlineData(null, """{"chat_template": 3}""", null, null, null)]
    public void ChatTemplate_OfSeveralFiles_IsTheFirst(
        string? jinja, string config, string? processor, string? plain, string? tools)
    {
        var read = Read(
            ("chat_template.jinja", jinja), ("tokenizer_config.json", config), ("chat_template.json", processor));
        Assert.Equal((plain, tools), (read.ChatTemplate(withTools: false), read.ChatTemplate(withTools: true)));
    }

    [Fact]
    public void ChatTemplate_AdditionalOneForTools_IsTheirs()
    {
        var read = Read(("chat_template.jinja", "j"), ("additional_chat_templates/tool_use.jinja", "t"));
        Assert.Equal(("j", "t"), (read.ChatTemplate(withTools: false), read.ChatTemplate(withTools: true)));
    }

    [Fact]
    public void AddTo_TokensAsTransformers5Lists_AreSet()
    {
        JsonObject variables = [];

        Read(("tokenizer_config.json", """
            {"extra_special_tokens": ["x", {"content": "y"}], "model_specific_special_tokens": {"image_token": "i"}}
            """)).AddTo(variables);

        Assert.Equal(
            """{"image_token":"i","additional_special_tokens":["x","y"]}""", variables.ToJsonString());
    }

    [Theory]
    [InlineData("default", "d")]
    [InlineData("tool_use", "t")]
    [InlineData("rag", "r")]
    [InlineData("Rag", null)]
    [InlineData("../default", null)]
    public void ChatTemplate_ByName_IsThatOfTheListOrTheFolder(string name, string? expected)
    {
        var list = Read(("tokenizer_config.json", """
            {"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"},
             {"name": "rag", "template": "r"}]}
            """));
        var folder = Read(
            ("chat_template.jinja", "d"), ("additional_chat_templates/tool_use.jinja", "t"),
            ("additional_chat_templates/rag.jinja", "r"));

        Assert.Equal((expected, expected), (list.ChatTemplate(name), folder.ChatTemplate(name)));
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{")]
    [InlineData("tokenizer_config.json", "[]")]
    [InlineData("tokenizer_config.json", """{"a": 1, "a": 2}""")]
    [InlineData("tokenizer_config.json", """{"a": "\ud800"}""")]
    [InlineData("special_tokens_map.json", "null")]
    public void Read_MalformedFile_IsNamed(string name, string content)
    {
        var exception = Assert.Throws<PackageException>(() => Read((name, content)));
        Assert.StartsWith($"The file '{name}' of 'p' is not valid: ", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith(" Fetch it again, or mend it.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_DeepNesting_IsRefused() => Assert.Throws<PackageException>(
        () => Read(("tokenizer_config.json", new string('[', 100_000))));

    [Fact]
    public void Read_MutatedFiles_WorkOrNameThePackage()
    {
        const string source = """
            {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}, "additional_special_tokens": ["a", null],
             "added_tokens_decoder": {"1": {"content": "<s>"}, "2": {"content": "</s>"}}, "chat_template":
             [{"name": "default", "template": "{{ x }}"}, {"name": "tool_use", "template": "t"}], "model_max_length": 1e30}
            """;
        string[] values = [
            "null", "1e999", "[]", "{}", "\"\\ud800\"", "[null]", "-1", "\"\"", "{\"content\": []}", "true"];
        Random random = new(3);
        var refused = 0;
        for (var i = 0; i < 2000; i++)
        {
            var text = source;
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var start = text.IndexOfAny([':', ',', '['], random.Next(text.Length));
                var end = start < 0 ? -1 : text.IndexOfAny([',', '}', ']'], start + 1);
                text = random.Next(2) == 0 || end < 0
                    ? text.Remove(random.Next(text.Length), 1)
                        : text[..(start + 1)] + values[random.Next(values.Length)] + text[end..];
            }

            try
            {
                Read(("tokenizer_config.json", text), ("special_tokens_map.json", text)).AddTo([]);
            }
            catch (PackageException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 500, 1900);
    }

    private static TokenizerConfig Read(params (string Name, string? Content)[] files) => TokenizerConfig.Read(
        "p", name => files.FirstOrDefault(file => file.Name == name).Content is { } text
            ? Encoding.UTF8.GetBytes(text) : null);
}
