using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Tokenization.Tests.Templates;

/// <summary>
/// Holds templates over the whole of the language to what Jinja2 3.1.6 makes of them in a sandbox with trim_blocks,
/// lstrip_blocks, loop controls and the functions of chat templates. A case with an error is refused by both.
/// </summary>
public sealed class JinjaTests
{
    private static readonly DateTimeOffset Now = new(2025, 7, 5, 9, 4, 3, TimeSpan.Zero);

    [Fact]
    public void Render_TemplatesOverTheWholeLanguage_GivesWhatJinjaGives()
    {
        var path = Path.Combine(
            SharedAssets.Repository, "tests", "Slipway.Tokenization.Tests", "Templates", "jinja-cases.json");
        var file = JsonNode.Parse(File.ReadAllBytes(path))!;
        var variables = file["variables"]!.AsObject();
        List<string> failures = [];
        var cases = file["cases"]!.AsArray();
        foreach (var item in cases)
        {
            var template = (string)item!["template"]!;
            var expected = (string?)item["text"];
            string? actual;
            var message = "";
            try
            {
                actual = ChatTemplate.Parse(template).Render(variables, Now, TimeZoneInfo.Utc);
            }
            catch (ChatTemplateException exception)
            {
                (actual, message) = (null, exception.Message);
            }

            if (actual != expected)
            {
                failures.Add($"{template}\n  Jinja: {expected ?? "an error"}\n  here:  {actual ?? message}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{cases.Count - failures.Count} of {cases.Count} templates agree");
        Assert.InRange(cases.Count, 300, int.MaxValue);
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    [Theory]
    [InlineData("{% for k, v in {9: 1, 5: 2} | dictsort %}{% if 6 <= k %}{{ v }}{% endif %}{% endfor %}", "1")]
    [InlineData("{{ 512 <= ({1024: 1, 512: 2} | list | first) }}", "True")]
    [InlineData("{{ 12345678901234567890 * 10 }}", "123456789012345678900")]
    [InlineData("{{ (1, 2) + (3,) }} {{ (1, 2) | tojson }} {{ (1,) == (1,) }}", "(1, 2, 3) [1, 2] True")]
    [InlineData("{{ none | default('x', true) }} {{ none | string }} {{ none | trim }} {{ none | upper }}",
        "x None None NONE")]
    [InlineData("{{ none | length }}", null)]
    [InlineData("{{ none | list }}", null)]
    [InlineData("{{ none | join }}", null)]
    public void Render_WhatPublishedTemplatesNeed_GivesWhatJinjaGives(string template, string? expected)
    {
        var parsed = ChatTemplate.Parse(template);
        if (expected is null)
        {
            Assert.Throws<ChatTemplateException>(() => parsed.Render([]));
        }
        else
        {
            Assert.Equal(expected, parsed.Render([]));
        }
    }

    [Theory]
    [InlineData("{{ [1] | map('string') }}",
        "a generator has no text of its own (Python prints its address). Put '| list' behind it.")]
    [InlineData("{{ 'a'.upper }}", "the function 'upper' has no text of its own (Python prints its address). Call it.")]
    [InlineData("{{ 'a' | pprint }}", "the filter 'pprint' is not supported in chat templates.")]
    [InlineData("{{ 'a'.encode() }}", "'encode' of a text is not supported.")]
    [InlineData("{{ (5).bit_length() }}", "'bit_length' of a number is not supported.")]
    [InlineData("{{ lipsum() }}", "'lipsum' gives a text of chance and is not supported.")]
    [InlineData("{% block a %}{% endblock %}",
        "the statement 'block' joins a template with others; a chat template stands alone.")]
    [InlineData("{% do 1 %}",
    "the statement 'do' is not supported; supported are 'if', 'for', 'set', 'with', 'macro', 'call', 'filter', "
    + "'generation', 'break', 'continue' and 'raw'.")]
    [InlineData("{{ 'ꭰ'.casefold() }}", "'casefold' of Cherokee is not supported.")]
    [InlineData("{{ '\\N{DASH}' }}",
        "the escape '\\N' (a character by its name) is not supported. Write the character itself.")]
    [InlineData("{{ '{:010,}'.format(5) }}",
    "the format '010,' pads groups of digits with zeros, which is not supported.")]
    [InlineData("{{ (-8) ** 0.5 }}", "a root of a negative number is not supported.")]
    public void Render_KnownButUnsupported_IsRefusedByName(string template, string expected)
    {
        var exception = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template).Render([]));
        Assert.Equal($"Chat template, line 1: {expected}", exception.Message);
    }
}
