using System.Text.Json.Nodes;
using Slipway.Tokenization.Templates.Filters;

namespace Slipway.Tokenization.Tests.Templates;

/// <summary>Templates that were made to run or to grow without end, or to break the interpreter.</summary>
public sealed class HostileTemplateTests
{
    private const string TooMuch = "the template does more work than a chat template may.";
    private const string TooLong = "a text or list grows past 4194304 items.";
    private const string TooManyDigits = "a number has more than 4300 digits.";
    private const string TooWide = "digits or characters; at most 10000 are allowed.";
    private const string TooDeep = "the template is nested too deeply.";

    // Lists that hold themselves twice: 100 steps in memory, 2^100 on paper.
    private const string Doubling =
        "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(100) %}{% set ns.x = [ns.x, ns.x] %}" +
        "{% set ns.y = [ns.y, ns.y] %}{% endfor %}";

    private const string Deep =
        "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(90000) %}{% set ns.x = [[[[ns.x]]]] %}" +
        "{% set ns.y = [[[[ns.y]]]] %}{% endfor %}";

    private const string Long = "{% set long = 'a' * 4000000 %}";

    private static readonly string[] Operands =
    [
        "0", "-1", "9223372036854775807", "(-9223372036854775807 - 1)", "1.5", "1e308", "''", "'abc'", "'%s %d'",
        "'\\ud800'",
        "[]", "[1, 'a', none]", "[[1], {}]", "{}", "{'k': 1}", "none", "true", "missing", "messages", "range",
            "namespace(a=1)",
    ];

    private static readonly string[] Methods =
    [
        "strip", "lstrip", "rstrip", "upper", "title", "capitalize", "split", "rsplit", "splitlines", "startswith",
        "endswith", "replace", "join", "find", "rfind", "count", "removeprefix", "removesuffix", "isdigit", "items",
        "keys", "values", "get", "copy", "index", "append", "missing", "format", "partition", "rpartition", "center",
            "zfill",
        "expandtabs", "swapcase", "casefold", "isnumeric", "istitle", "rindex", "ljust", "format_map", "encode",
    ];

    [Theory]
    [InlineData(Doubling + "{{ ns.x }}", TooLong)]
    [InlineData(Doubling + "{{ ns.x | tojson }}", TooLong)]
    [InlineData(Doubling + "{{ ns.x | string | length }}", TooLong)]
    [InlineData(Doubling + "{{ ns.x == ns.y }}", TooMuch)]
    [InlineData(Doubling + "{{ ns.x + 1 }}", "'+' cannot be computed of a list of 2 and 1.")]
    [InlineData(Deep + "{{ ns.x }}", TooDeep)]
    [InlineData(Deep + "{{ ns.x == ns.y }}", TooDeep)]
    [InlineData("{% set ns = namespace(x=['aaaaaaaa']) %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% "
        + "endfor %}", TooMuch)]
    [InlineData(Long + "{{ [long, long, long] | join }}", TooLong)]
    [InlineData(Long + "{{ '%s%s%s' % [long, long, long] }}", TooLong)]
    [InlineData(Long + "{{ long ~ long }}", TooLong)]
    [InlineData(Long + "{{ long | replace('a', 'bb') }}", TooLong)]
    [InlineData(Long + "{{ long | indent }}{{ long }}{{ long }}", TooLong)]
    [InlineData(Long + "{{ ('a' * 2000000 + 'b') in long }}", TooMuch)]
    [InlineData(Long + "{{ long.find('a' * 2000000 + 'b') }}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{{ long[i] }}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = long | upper %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = long.lower() %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = long[1:] %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% if long is lower %}{% endif %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{{ [long] * 2 }}", TooLong)]
    [InlineData("{% set l = range(100000) %}{% for i in l %}{% if -1 in l %}{% endif %}{% endfor %}", TooMuch)]
    [InlineData("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", TooDeep)]
    public void Render_EndlessTemplate_IsStopped(string template, string expected)
    {
        var exception = Assert.Throws<ChatTemplateException>(() => Render(template));

        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.InRange(exception.Message.Length, 1, 2100);
    }

    // Each would take minutes, or gigabytes, if its work were not counted.
    [Theory]
    [InlineData("{{ 'x' * 10**9 }}", TooLong)]
    [InlineData("{{ [0] * 10**9 }}", TooLong)]
    [InlineData("{{ range(10**9) }}", "'range' would give 1000000000 numbers; at most 100000 are allowed.")]
    [InlineData("{{ 9**(9**9) }}", TooManyDigits)]
    [InlineData("{{ 2**14000 * 2**14000 }}", TooManyDigits)]
    [InlineData("{{ '%1000000000d' % 1 }}", TooWide)]
    [InlineData("{{ '%.1000000000f' | format(1) }}", TooWide)]
    [InlineData("{{ '{:1000000000}'.format(1) }}", TooWide)]
    [InlineData("{{ '%*d' % (10**9, 1) }}", TooWide)]
    [InlineData("{{ 'a'.center(10**9) }}", TooLong)]
    [InlineData("{{ 'a'.zfill(10**9) }}", TooLong)]
    [InlineData("{{ 'a\t'.expandtabs(10**9) }}", TooLong)]
    [InlineData("{{ 'a' | replace('', 'b' * 4000000) }}", TooLong)]
    [InlineData("{{ ([1] * 1000000) | tojson(indent=64) }}", TooLong)]
    [InlineData("{{ 1 | tojson(indent='x' * 100000) }}",
        "'tojson' takes indents and separators of at most 64 characters.")]
    [InlineData("{{ [1] | batch(10**9, 0) | list }}", TooLong)]
    [InlineData("{{ [1] | slice(10**9) | list }}", "'slice' makes 1 to 100000 lists, not 1000000000.")]
    [InlineData("{{ strftime_now('%Y' * 2000000) }}", TooLong)]
    [InlineData("{% set b = 3**8000 %}{% for i in range(99999) %}{% set x = b ~ '' %}{% endfor %}", TooMuch)]
    [InlineData("{% set b = 3**8000 %}{% for i in range(99999) %}{% set x = b * 3 // 3 % 7 %}{% endfor %}", TooMuch)]
    [InlineData("{% for i in range(99999) %}{% set x = '%.9999f' % 1e300 %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = '%s' % long %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = '{}'.format(long) %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = long.rfind('b' + 'a' * 1000) %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = long.swapcase() %}{% endfor %}", TooMuch)]
    [InlineData(Long + "{% for i in range(100000) %}{% set x = {long: 1} %}{% endfor %}", TooMuch)]
    [InlineData("{% set l = range(100000) %}{% for i in l %}{% set x = l | sort %}{% endfor %}", TooMuch)]
    [InlineData("{% set d = dict(range(30000) | map('string') | batch(2)) %}{% for i in range(99999) %}{% for k in d "
        + "%}{% break %}{% endfor %}{% endfor %}", TooMuch)]
    [InlineData("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", TooMuch)]
    [InlineData("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", TooDeep)]
    [InlineData("{% set ns = namespace(x=()) %}{% for i in range(60) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ "
        + "{ns.x: 1} }}", TooMuch)]
    public void Render_WorkWithoutEnd_IsStopped(string template, string expected) => Assert.Contains(
        expected, Assert.Throws<ChatTemplateException>(() => Render(template)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ raise_exception('x' * 4000000) }}", 2100)]
    [InlineData("{{ ('x' * 4000000).foo() }}", 200)]
    [InlineData("{{ 1 + 'x' * 4000000 }}", 200)]
    [InlineData("{{ {'a': 1}['x' * 4000000] + 1 }}", 300)]
    [InlineData("{{ dict(**{'k' * 4000000: 1}).q() }}", 200)]
    [InlineData("{{ 'a' | upper(**{'k' * 4000000: 1}) }}", 200)]
    [InlineData("{{ 'x' | tojson(indent='q' * 4000000) }}", 200)]
    [InlineData("{{ '{a}'.format(**{'b' * 4000000: 1}) }}", 200)]
    [InlineData("{{ ['x' * 4000000] | sum }}", 300)]
    [InlineData("{{ [1, ['x' * 4000000]] | sort }}", 300)]
    public void Render_ErrorAboutALongValue_QuotesItsBeginning(string template, int longest) => Assert.InRange(
        Assert.Throws<ChatTemplateException>(() => Render(template)).Message.Length, 10, longest);

    [Fact]
    public void Parse_ErrorAboutALongName_QuotesItsBeginning()
    {
        var name = new string('f', 500_000);
        foreach (var template in new[]
        {
            $"{{{{ 'a' | {name} }}}}", $"{{{{ {name}.x }}}}", $"{{% {name} %}}", $"{{{{ 1 is {name} }}}}",
                $"{{{{ 1 {name} }}}}",
            $"{{% set x.{name} = 1 %}}", $"{{% macro {name}() %}}{{% endmacro %}}{{{{ {name}(1) }}}}",
                $"{{% if %}}{{% end{name} %}}",
        })
        {
            Assert.InRange(Assert.Throws<ChatTemplateException>(() => Render(template)).Message.Length, 10, 400);
        }
    }

    [Fact]
    public void Parse_ManyPartsOfAText_AreJoinedOnce()
    {
        var text = string.Concat(Enumerable.Repeat("'a' ", 200_000));
        Assert.Equal(200_000, Render($"{{{{ {text} }}}}").Length);
    }

    [Fact]
    public void Render_Cancelled_Stops()
    {
        using CancellationTokenSource cancelled = new();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => ChatTemplate.Parse("{{ [2, 1] | sort }}").Render(
            [], cancellationToken: cancelled.Token));
    }

    [Theory]
    [InlineData("{{ 1 is divisibleby(0) }}", "division by zero.")]
    [InlineData("{{ 1 is divisibleby }}", "the test needs one argument.")]
    [InlineData("{{ 1 is in }}", "the test needs one argument.")]
    [InlineData("{{ dict(a=1, a=2) }}", "the argument 'a' is given twice.")]
    [InlineData("{{ [1, 'a'] | sort }}", "'<' cannot compare")]
    public void Render_Misuse_SaysWhat(string template, string expected) => Assert.Contains(
        expected, Assert.Throws<ChatTemplateException>(() => Render(template)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ 'abc'[1::9223372036854775807] }}", "b")]
    [InlineData("{{ 'abc'[::-9223372036854775807] }}", "c")]
    [InlineData("{{ (-9223372036854775807 - 1) is divisibleby(-1) }}", "True")]
    [InlineData("{{ ['a'] | map('upper') | join }}", "A")]
    public void Render_ExtremeArguments_GiveWhatPythonGives(string template, string expected) =>
        Assert.Equal(expected, Render(template));

    [Fact]
    public void Render_LongConversation_IsNotRefused()
    {
        JsonArray messages = [];
        for (var i = 0; i < 2000; i++)
        {
            messages.Add(
                new JsonObject { ["role"] = i % 2 == 0 ? "user" : "assistant", ["content"] = new string('x', 1000) });
        }

        var text = ChatTemplate.Parse(
            "{% for m in messages %}<|{{ m.role }}|>\n{{ m['content'] | trim }}\n{% if '</think>' in m.content %}" +
            "{{ m.content.split('</think>')[-1] }}{% endif %}{% endfor %}")
            .Render(new JsonObject { ["messages"] = messages });

        Assert.True(text.Length > 2_000_000);
    }

    [Fact]
    public void Parse_EndlessBlocks_AreRefused() => Assert.Throws<ChatTemplateException>(
        () => ChatTemplate.Parse(string.Concat(Enumerable.Repeat("{% if a %}", 90_000))));

    [Fact]
    public void Parse_TooLongSource_IsRefused() => Assert.Equal(
        "Chat template, line 1: the template has 1048577 characters; at most 1048576 are allowed.",
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(new string('a', (1 << 20) + 1))).Message);

    [Fact]
    public void Render_LongChains_AreComputedOrRefused() => Assert.Throws<ChatTemplateException>(
        () => Render("{{ 1" + string.Concat(Enumerable.Repeat("+1", 200_000)) + " }}"));

    [Fact]
    public void Render_RandomCalls_ThrowNothingElse()
    {
        Random random = new(11);
        string[] filters = [.. FilterTable.All.Keys.Order(StringComparer.Ordinal)];
        string[] tests = [.. TestTable.All.Keys.Where(name => char.IsLetter(name[0]))
            .Order(StringComparer.Ordinal)];
        string[] operators = ["+", "-", "*", "/", "//", "%", "**", "~", "<", ">=", "==", "in", "not in", "and"];
        var rendered = 0;
        for (var i = 0; i < 6000; i++)
        {
            string Operand() => Operands[random.Next(Operands.Length)];
            string Arguments() => string.Join(", ", Enumerable.Range(0, random.Next(3)).Select(_ => Operand()));
            var expression = random.Next(5) switch
            {
                0 => $"{Operand()} | {filters[random.Next(filters.Length)]}({Arguments()})",
                1 => $"({Operand()}).{Methods[random.Next(Methods.Length)]}({Arguments()})",
                2 => $"{Operand()} is {tests[random.Next(tests.Length)]}({Arguments()})",
                3 => $"{Operand()} {operators[random.Next(operators.Length)]} {Operand()}",
                _ => $"({Operand()})[{Operand()}:{Operand()}:{Operand()}]",
            };
            try
            {
                Render("{{ " + expression + " }}");
                rendered++;
            }
            catch (ChatTemplateException)
            {
                // A refusal is an answer.
            }
            catch (Exception exception)
            {
                Assert.Fail($"'{expression}' threw {exception}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{rendered} of 6000 rendered");
        Assert.InRange(rendered, 1000, 5999);
    }

    private static string Render(string template) => ChatTemplate.Parse(template).Render(
        new JsonObject { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "hi" }) });
}
