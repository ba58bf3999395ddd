using System.Text;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Shows texts of models: as Markdown where they are that, and never as more than text.</summary>
public sealed class MarkdownTests(Chromium chromium) : PageTests(chromium)
{
    private const string Show = """
        async (texts) => {
            const { showMarkdown } = await import("/markdown.js");
            const root = document.createElement("div");
            document.body.append(root);
            const shown = texts.map((text) => {
                showMarkdown(root, text);
                return root.innerHTML.replaceAll(/ dir="(auto|ltr)"/g, "");
            });
            root.remove();
            return shown;
        }
        """;

    private const string Link = """target="_blank" rel="noopener noreferrer nofollow" title""";

    public static TheoryData<string, string> Texts => new()
    {
        { "One\ntwo\n\nthree", "<p>One<br>two</p><p>three</p>" },
        { "# A\n### B\n## C #\ntext", "<h3>A</h3><h4>B</h4><h4>C</h4><p>text</p>" },
        { "*a* **b** ***c*** _d_ __e__ ~~f~~", "<p><em>a</em> <strong>b</strong> <strong><em>c</em></strong> "
            + "<em>d</em> <strong>e</strong> <s>f</s></p>" },
        { "2 * 3 * 4, snake_case_name, *open, a**", "<p>2 * 3 * 4, snake_case_name, *open, a**</p>" },
        { "`a` ``b`c`` `open", "<p><code>a</code> <code>b`c</code> `open</p>" },
        { "\\*no\\* \\<b>", "<p>*no* &lt;b&gt;</p>" },
        { "- a\n- b\n  - c\n\ntext", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul><p>text</p>" },
        { "3. a\n4. b", """<ol start="3"><li>a</li><li>b</li></ol>""" },
        { "- a\n\n- b", "<ul><li><p>a</p></li><li><p>b</p></li></ul>" },
        { "1. a\n   ```\n   x\n   ```\n2. b", "<ol><li>a" + Code("text", "x") + "</li><li>b</li></ol>" },
        { "> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>" },
        { "a\n\n---\nb", "<p>a</p><hr><p>b</p>" },
        { "```js\nlet <a> = `1`;\n\n# x\n```\nafter", Code("js", "let &lt;a&gt; = `1`;\n\n# x") + "<p>after</p>" },
        { "```\nnever closed", Code("text", "never closed") },
        {
            "| a | b |\n|---|:-:|\n| 1 | **2** |\n| 3 |",
            "<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table><thead><tr><th>a</th>"
            + "<th>b</th></tr></thead><tbody><tr><td>1</td><td><strong>2</strong></td></tr><tr><td>3</td><td></td></tr>"
            + "</tbody></table></div>"
        },
        {
            "[Docs](https://example.org/a?b=1 \"t\")",
            $"<p><a href=\"https://example.org/a?b=1\" {Link}=\"https://example.org/a?b=1\">Docs "
            + "<span class=\"link-target\">(example.org/a)</span></a></p>"
        },
        {
            "See https://example.org/x. Or <http://example.org/>",
            $"<p>See <a href=\"https://example.org/x\" {Link}=\"https://example.org/x\">https://example.org/x</a>. Or "
            + $"<a href=\"http://example.org/\" {Link}=\"http://example.org/\">http://example.org/</a></p>"
        },
        {
            // A label that claims another address than the link's.
            "[https://bank.example](https://evil.example)",
            $"<p><a href=\"https://evil.example/\" {Link}=\"https://evil.example/\">https:\u200b//bank.example "
            + "<span class=\"link-target\">(evil.example)</span></a></p>"
        },
    };

    public static TheoryData<string> Hostile => new(
        "<script>window.hit = 1</script>",
        "<img src=x onerror=\"window.hit = 1\">",
        "<svg/onload=window.hit=1>", "<iframe srcdoc=\"<script>parent.hit = 1</script>\"></iframe>",
        "</article></main><script src=/app.js></script><style>*{display:none}</style>",
        "[x](javascript:window.hit=1) [y](JaVaScRiPt:window.hit=1) [z](\tjavascript:window.hit=1)",
        "[x](data:text/html,<script>window.hit=1</script>) [y](vbscript:x) [z](blob:x) [f](file:///etc/passwd)",
        "<javascript:window.hit=1> [x](//example.org) [y](/v1/models) [z](https://user:pass@example.org)",
        "![x](https://example.org/pixel.png) ![y](javascript:window.hit=1)",
        "[\"onmouseover=\"window.hit=1](https://example.org/\"onmouseover=\"window.hit=1)",
        "```\"><script>window.hit=1</script>\ncode\n```", "`<script>window.hit=1</script>`",
        "| <script>window.hit=1</script> | b |\n|---|---|\n| <img src=x onerror=window.hit=1> | c |",
        "{{constructor.constructor('window.hit=1')()}} ${window.hit=1} <%= window.hit=1 %>",
        "&lt;script&gt;window.hit=1&lt;/script&gt; &#x3C;script&#x3E;",
        "\0<\0script>window.hit=1</\0script> \uFFFE\uFFFF \uD800");

    [Fact]
    public async Task Texts_AreShownAsTheyMean()
    {
        var page = await OpenAsync(Script.Saying("x"));
        var shown = await page.Page.EvaluateAsync<string[]>(Show, Texts.Select(row => row.Data.Item1).ToArray());
        Assert.Equal(Texts.Select(row => row.Data.Item2), shown);
    }

    [Fact]
    public async Task Text_Growing_EndsAsTheWholeOne()
    {
        var page = await OpenAsync(Script.Saying("x"));
        var whole = string.Join("\n\n", Texts.Select(row => row.Data.Item1).Where(text => !text.Contains("never")));
        string[] growing = [.. Enumerable.Range(1, whole.Length / 7).Select(n => whole[..(n * 7)]), whole];

        var shown = await page.Page.EvaluateAsync<string[]>(Show, growing);

        Assert.Equal((await page.Page.EvaluateAsync<string[]>(Show, new[] { whole }))[0], shown[^1]);
    }

    [Fact]
    public async Task Text_Hostile_StaysText()
    {
        var page = await OpenAsync(Script.Saying([.. Hostile.Select(row => row.Data)]));
        List<string> elsewhere = [];
        page.Page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(page.Page.Url, StringComparison.Ordinal))
            {
                elsewhere.Add(request.Url);
            }
        };
        foreach (var row in Hostile)
        {
            await page.SayAsync(row.Data);
            await page.DoneAsync();
            await Expect(page.Answers.Last.Locator("footer button").First).ToBeVisibleAsync();
        }

        await page.Page.ReloadAsync();
        await Expect(page.Answers).ToHaveCountAsync(Hostile.Count);
        Assert.True(await page.Page.EvaluateAsync<bool>("window.hit === undefined"));
        Assert.Equal(0, await page.Page.Locator("#messages :is(script, style, img, iframe, object, embed, link)")
            .CountAsync());
        Assert.Empty(await page.Page.EvaluateAsync<string[]>(
            """
            () => [...document.querySelectorAll("#messages *")].flatMap((node) => [...node.attributes])
                .filter((attribute) => attribute.name.startsWith("on") || attribute.name === "srcdoc"
                    || (attribute.name === "href" && !/^https?:\/\//.test(attribute.value)))
                .map((attribute) => attribute.name + "=" + attribute.value)
            """));
        Assert.Equal(
            ["https://example.org/pixel.png", "https://example.org/%22onmouseover=%22window.hit=1"],
            await page.Page.EvaluateAsync<string[]>(
                "[...document.querySelectorAll('#messages a')].map((a) => a.href)"));
        Assert.Empty(elsewhere);
    }

    [Fact]
    public async Task Text_ThatTurnsTheOrderAround_ShowsWhereItDoes()
    {
        var page = await OpenAsync(Script.Saying(
            "Open invoice\u202Egnp.exe now, and `if (admin\u202E \u2066)`\n\nשלום עולם"));
        await page.SayAsync("x");
        await page.DoneAsync();

        await Expect(page.Answers.Locator(".control")).ToHaveTextAsync(["U+202E", "U+202E", "U+2066"]);
        Assert.Equal(["ltr", "rtl"], await page.Page.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('.answer .prose p')].map((p) => getComputedStyle(p).direction)"));
    }

    [Fact]
    public async Task Text_VeryLong_IsShownWhole()
    {
        const int length = 100_000;
        string[] texts =
        [
            .. new[]
            {
                "a", "*", "[", "`", ">", "[a](", "*a ", "**a_", "- ", "- a\n", "https://", "` `` ", "\u202E", "a\n\n",
            }.Select(piece => string.Concat(Enumerable.Repeat(piece, length / piece.Length))),
            new string(' ', length) + "x\ny",
        ];
        var page = await OpenAsync(Script.Saying(texts[0]), width: 360);
        await page.SayAsync("x");
        await page.DoneAsync();
        await Expect(page.Answers.Locator("p")).ToHaveTextAsync(texts[0]);
        await page.CheckWidthAsync();
        foreach (var text in texts.Skip(1))
        {
            var count = await page.Page.EvaluateAsync<int>(
                """
                async (text) => {
                    const { showMarkdown } = await import("/markdown.js");
                    const root = document.createElement("div");
                    showMarkdown(root, text);
                    return root.textContent.length;
                }
                """, text);

            // Rules, quotes and lists of nothing hold no text.
            Assert.True(count > 0 || text.Trim('>', '-', '*', ' ').Length == 0, text[..20]);
        }
    }

    [Fact]
    public async Task Events_InAnyPieces_AreReadAlike()
    {
        var page = await OpenAsync(Script.Saying("x"));
        const string stream = "\uFEFF: hello\r\ndata: a\r\ndata:  b\n\nevent: x\rdata:ü→𝄞\r\r\ndata\n\ndata: c\r\n"
            + "\r\nid: 1\nretry: 5\n\ndata: cut off";
        var bytes = Encoding.UTF8.GetBytes(stream).Select(value => (int)value).ToArray();
        for (var size = 1; size < bytes.Length; size += size < 8 ? 1 : 13)
        {
            var events = await page.Page.EvaluateAsync<string[]>(
                """
                async ({ bytes, size }) => {
                    const { readEvents } = await import("/events.js");
                    const pieces = new ReadableStream({
                        start(controller) {
                            for (let at = 0; at < bytes.length; at += size) {
                                controller.enqueue(new Uint8Array(bytes.slice(at, at + size)));
                            }
                            controller.close();
                        },
                    });
                    const events = [];
                    for await (const data of readEvents(pieces)) {
                        events.push(data);
                    }
                    return events;
                }
                """, new { bytes, size });
            Assert.Equal(["a\n b", "ü→𝄞", "", "c"], events);
        }
    }

    private static string Code(string language, string code)
        => $"<figure class=\"code\"><figcaption><span>{language}</span><button type=\"button\" class=\"quiet\" "
        + $"aria-label=\"Copy the {language}\">Copy</button></figcaption><pre tabindex=\"0\"><code>{code}</code></pre>"
        + "</figure>";
}
