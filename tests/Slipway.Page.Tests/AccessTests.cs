using System.Text.RegularExpressions;
using Microsoft.Extensions.AI;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Uses the page by keys alone, and on a phone.</summary>
public sealed partial class AccessTests(Chromium chromium) : PageTests(chromium)
{
    private const string Everything = """
        ## A heading with a_very_long_name_that_does_not_end_where_a_line_of_a_phone_ends_but_goes_on_and_on

        Text with `code_that_is_longer_than_the_screen_of_a_phone_is_wide_and_cannot_be_broken_anywhere` in it, and
        https://example.org/a/path/that/is/longer/than/the/screen/of/a/phone/is/wide/and/cannot/be/broken

        ```csharp
        var line = "A line of code that is longer than the screen of a phone is wide, so that it scrolls by itself.";
        ```

        | one column | another column | a third column | a fourth column |
        |---|---|---|---|
        | some text | some more text | and more of it | and the last of it |

        > - a list
        >   1. in a list
        """;

    [Fact]
    public async Task Keys_Alone_ReachEverything()
    {
        var page = await OpenAsync(Script.Saying("An answer."));
        var keys = page.Page.Keyboard;
        await Expect(page.Prompt).ToBeFocusedAsync();
        Assert.True(await page.Page.EvaluateAsync<bool>(
            "document.querySelector('a, button, input, select, textarea, [tabindex]').matches('.skip')"));
        await page.Page.Locator(".skip").FocusAsync();
        await Expect(page.Page.GetByText("Skip to the message")).ToBeInViewportAsync();
        List<string> order = [];
        for (var i = 0; i < 9; i++)
        {
            await keys.PressAsync("Tab");
            order.Add(await page.Page.EvaluateAsync<string>(
                "document.activeElement.id || document.activeElement.querySelector('strong').textContent"));
        }

        Assert.Equal(
            ["model", "colors", "open-settings", "Say hello", "Call a tool", "Fill a form", "Look into it", "prompt",
                "send"],
            order);
        await page.Page.GetByText("Skip to the message").FocusAsync();
        await keys.PressAsync("Enter");
        await Expect(page.Prompt).ToBeFocusedAsync();

        await keys.TypeAsync("One");
        await keys.PressAsync("Shift+Enter");
        await keys.TypeAsync("two");
        await keys.PressAsync("Enter");
        await page.DoneAsync();
        await Expect(page.Questions.Locator(".bubble")).ToHaveTextAsync("One\ntwo");
        await keys.PressAsync("Shift+Tab");
        await Expect(page.Button("Retry the answer")).ToBeFocusedAsync();
        await keys.PressAsync("Enter");
        await page.DoneAsync();
        Assert.Equal(2, page.Requests.Count);

        await page.Button("Settings").FocusAsync();
        await keys.PressAsync("Enter");
        await Expect(page.Settings).ToBeVisibleAsync();
        for (var i = 0; i < 30; i++)
        {
            await keys.PressAsync("Tab");
            Assert.True(await page.Page.EvaluateAsync<bool>(
                "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"));
        }

        await keys.PressAsync("Escape");
        await Expect(page.Settings).ToBeHiddenAsync();
        await Expect(page.Button("Settings")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task Phone_NothingIsWiderThanTheScreen()
    {
        var page = await OpenAsync(
            Script.Saying(
                [
                    new TextReasoningContent("Thinking_about_something_that_has_a_long_name_and_does_not_end_here."),
                    new TextContent(Everything),
                    new FunctionCallContent("call-1", "a_function_with_a_rather_long_name_as_some_have_them",
                        new Dictionary<string, object?> { ["path"] = new string('x', 200) }),
                    new UsageContent(new() { InputTokenCount = 123456, OutputTokenCount = 98765 }),
                ]),
            width: 360, height: 740);
        await page.CheckWidthAsync();
        await page.CheckAsync("phone-empty");
        await page.SetAsync(("Temperature", "0.5"), ("Functions as JSON", """{"name": "a"}"""));
        await page.SayAsync("A_question_that_is_longer_than_the_screen_of_a_phone_is_wide_and_cannot_be_broken");
        await Expect(page.Page.GetByText("What does it return?")).ToBeVisibleAsync();
        await page.Page.GetByText("Thoughts").ClickAsync();
        await page.CheckWidthAsync();
        await page.CheckAsync("phone");
        await page.Button("Edit the message").ClickAsync();
        await page.CheckWidthAsync();
        await page.Button("Settings").ClickAsync();
        await page.CheckWidthAsync();
        Assert.Equal(360, await page.Settings.EvaluateAsync<int>("(dialog) => dialog.scrollWidth"));
        await page.CheckAsync("phone-settings");
    }

    [Fact]
    public async Task Scrolling_Up_StaysThere_UntilTheLatestIsAskedFor()
    {
        var script = Script.Holding(string.Concat(Enumerable.Repeat("A line.\n\n", 60)), "The end.");
        var page = await OpenAsync(script);
        await page.SayAsync("x");
        await Expect(page.Answers).ToContainTextAsync("A line.");
        await page.Page.Mouse.WheelAsync(0, -2000);
        await Expect(page.Button("To the latest")).ToBeVisibleAsync();
        var before = await page.Page.EvaluateAsync<int>("Math.round(scrollY)");

        script.Release.SetResult();
        await page.DoneAsync();

        Assert.Equal(before, await page.Page.EvaluateAsync<int>("Math.round(scrollY)"));
        await page.Button("To the latest").ClickAsync();
        await Expect(page.Page.GetByText("The end.").First).ToBeInViewportAsync();
        await Expect(page.Button("To the latest")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task ScreenReader_HearsWholeSentencesOnce()
    {
        var script = Script.Holding("First sentence. Second ", "sentence.");
        var page = await OpenAsync(script);
        await page.Page.EvaluateAsync(
            """
            () => {
                window.said = [];
                new MutationObserver(() => said.push(document.getElementById("announcements").textContent))
                    .observe(document.getElementById("announcements"), { childList: true, characterData: true });
            }
            """);
        await page.SayAsync("x");
        await Expect(page.Answers).ToContainTextAsync("Second");
        script.Release.SetResult();
        await page.DoneAsync();

        var said = await page.Page.EvaluateAsync<string[]>("said");
        Assert.Equal("The answer begins.", said[0]);
        Assert.Equal(
            "First sentence. Second sentence. The answer is complete.",
            Spaces().Replace(string.Join(' ', said.Skip(1)), " ").Trim());
        Assert.Equal("polite", await page.Page.Locator("#announcements").GetAttributeAsync("aria-live"));
        await Expect(page.Page.Locator("[aria-live]")).ToHaveCountAsync(1);
    }

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
