using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Tokenization.Tests.Templates;

public sealed class ChatTemplateTests
{
    // The reference texts that print a date were made on this day.
    private static readonly DateTimeOffset Now = new(2025, 7, 10, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Render_CasesOfTemplates_GiveTheReferenceTexts()
        => AssertAgree(Read("cases.json").AsArray().Select(item => (
            item!["name"]!.GetValue<string>(), item["chat_template"]!.GetValue<string>(), item)));

    [Fact]
    public void Render_PublishedTemplates_GiveTheReferenceTexts()
        => AssertAgree(
            from template in Read("published.json")["templates"]!.AsArray()
            from item in template!["renders"]!.AsArray()
            select (
                $"{template["name"]} {item["name"]}", template["chat_template"]!.GetValue<string>(), item));

    [Theory]
    [InlineData("{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 / 2 }} {{ 7 % -3 }} {{ 2 ** 3 }} {{ 1 + 1.0 }}", "3 -4 3.5 -2 8 2.0")]
    [InlineData("{{ true }} {{ none }} {{ 1e-5 }} {{ 1e16 }} {{ [1, 'a', 'it\\'s'] }} {{ {'k': none} }}",
        "True None 1e-05 1e+16 [1, 'a', \"it's\"] {'k': None}")]
    [InlineData("{{ 'abc'[1:] }} {{ 'abc'[::-1] }} {{ [1,2,3][-1] }} {{ '😀b'[1] }}", "bc cba 3 b")]
    [InlineData("{{ {'a': [1, true, 'ü\\n']} | tojson }}", "{\"a\": [1, true, \"ü\\n\"]}")]
    [InlineData("{{ {'a': []} | tojson(indent=2) }}", "{\n  \"a\": []\n}")]
    [InlineData("{% for i in range(3) %}{{ loop.index }}{% if not loop.last %},{% endif %}{% else %}none{% endfor %}",
        "1,2,3")]
    [InlineData("{% set ns = namespace(n=0) %}{% for i in [1,2,3] if i != 2 %}{% set ns.n = ns.n + i %}{% endfor "
        + "%}{{ ns.n }}", "4")]
    [InlineData("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}", "1")]
    [InlineData("{% macro f(a, b='!') %}<{{ a }}{{ b }}>{% endmacro %}{{ f('x') }}{{ f('y', b='?') }}", "<x!><y?>")]
    [InlineData("{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}in{% endcall %}", "[in]")]
    [InlineData("{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif "
        + "%}{{ i }}{% endfor %}", "013")]
    [InlineData("a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc")]
    [InlineData("a  {%- if true -%}  b  {%- endif %}", "ab")]
    [InlineData("{# gone #}x{% raw %}{{ y }}{% endraw %}", "x{{ y }}")]
    [InlineData("{{ messages | map(attribute='role') | join('-') }}", "user-assistant")]
    [InlineData("{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1")]
    [InlineData("{{ missing }}|{{ missing is defined }}|{{ missing | default('d') }}|{{ messages[0].tool_calls is "
        + "defined }}", "|False|d|False")]
    [InlineData("{{ 'yes' if messages and 1 in [1] and 2 not in [1] else 'no' }}", "yes")]
    [InlineData("{{ strftime_now('%d %b %Y') }}", "10 Jul 2025")]
    [InlineData("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1")]
    [InlineData("{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1, 2]) }}", "12")]
    [InlineData("{% set t %}x{{ 1 }}{% endset %}{{ t | upper }}", "X1")]
    public void Render_Expression_PrintsWhatPythonPrints(string template, string expected) =>
        Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{{ raise_exception('roles must alternate') }}", "Chat template, line 1: roles must alternate")]
    [InlineData("a\n{{ x.y }}", "Chat template, line 2: 'x' is undefined, so it has no 'y'.")]
    [InlineData("{{ 'a' | magic }}", "Chat template, line 1: there is no filter 'magic'.")]
    [InlineData("{% include 'x' %}",
        "Chat template, line 1: the statement 'include' joins a template with others; a chat template stands alone.")]
    [InlineData("{{ 'a", "Chat template, line 1: a string has no closing '.")]
    [InlineData("{% if x %}", "Chat template, line 1: the block that begins here has no 'endif'.")]
    [InlineData("{% endif %}", "Chat template, line 1: 'endif' ends no open block.")]
    [InlineData("{{ [1].append(2) }}",
        "Chat template, line 1: 'append' would change a list, which templates may not, so it cannot be called.")]
    [InlineData("{{ 'x' * 1000000000000 }}", "Chat template, line 1: a text or list grows past 4194304 items.")]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "Chat template, line 1: the template does more work than a chat template may.")]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "Chat template, line 1: the template is nested too deeply.")]
    [InlineData("{{ 1 // 0 }}", "Chat template, line 1: division by zero.")]
    public void Render_BadTemplate_SaysWhatAndWhere(string template, string expected) =>
        Assert.Equal(expected, Assert.Throws<ChatTemplateException>(() => Render(template)).Message);

    [Theory]
    [InlineData("(")]
    [InlineData("[")]
    [InlineData("not ")]
    [InlineData("-")]
    [InlineData("{'a':")]
    public void Parse_DeepNesting_IsRefused(string opening) => Assert.Throws<ChatTemplateException>(() =>
        ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat(opening, 200_000)) + " }}"));

    [Fact]
    public void Parse_MutatedTemplates_NeverCrash()
    {
        const string Source = "{% for m in messages %}{{ '<' + m['role'] + '>' }}{{ m.content | trim }}{% endfor %}" +
            "{% if add_generation_prompt %}{{ x[1:2] ~ {'a': 1} | tojson }}{% endif %}";
        Random random = new(7);
        var refused = 0;
        for (var i = 0; i < 5000; i++)
        {
            var text = Source.ToCharArray();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                text[random.Next(text.Length)] = "{}%#'\"()[]|.,:-+ \nx1"[random.Next(20)];
            }

            try
            {
                Render(new string(text));
            }
            catch (ChatTemplateException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 5000);
    }

    private static string Render(string template) => ChatTemplate.Parse(template).Render(
        JsonNode.Parse(
            """{"messages": [{"role": "user", "content": " hi "}, {"role": "assistant", "content": "yo"}]}""")!
            .AsObject(), Now);

    private static JsonNode Read(string name)
        => JsonNode.Parse(File.ReadAllBytes(SharedAssets.Path("chat-templates", name)))!;

    private static void AssertAgree(IEnumerable<(string Name, string Template, JsonNode Item)> cases)
    {
        List<string> failures = [];
        var count = 0;
        foreach (var (name, template, item) in cases)
        {
            count++;
            var expected = item["expected"]!.GetValue<string>();
            try
            {
                var actual = ChatTemplate.Parse(template).Render(item["data"]!.AsObject(), Now);
                if (actual != expected)
                {
                    var at = actual.Zip(expected).TakeWhile(pair => pair.First == pair.Second).Count();
                    failures.Add($"{name}: at {at}: '{Around(actual, at)}' instead of '{Around(expected, at)}'");
                }
            }
            catch (ChatTemplateException exception)
            {
                failures.Add($"{name}: {exception.Message}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{count - failures.Count} of {count} texts agree");
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    private static string Around(string text, int at) => text[Math.Max(0, at - 20)..Math.Min(text.Length, at + 40)];
}
