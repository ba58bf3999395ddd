using System.Net;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Holds errors to a place and a remedy.</summary>
public sealed class ErrorTests(Chromium chromium) : PageTests(chromium)
{
    private const string Logged = "Failed to load resource";

    [Fact]
    public async Task Key_Missing_IsAskedForWhereItIsTyped()
    {
        var page = await OpenAsync(Script.Saying("Welcome."), options => options.ApiKeys = ["secret"]);

        await Expect(page.Page.GetByText("The server wants a key")).ToBeVisibleAsync();
        await page.CheckAsync("key");
        await page.Button("Enter a key").ClickAsync();
        await Expect(page.Settings.GetByLabel("API key")).ToBeFocusedAsync();
        await Expect(page.Settings.GetByText("The request carries no key.")).ToBeVisibleAsync();
        await page.Page.Keyboard.TypeAsync("secret");
        await page.Page.Keyboard.PressAsync("Enter");

        await Expect(page.Page.GetByLabel("Model", new() { Exact = true })).ToHaveValueAsync("scripted");
        await Expect(page.Page.GetByText("The server wants a key")).ToBeHiddenAsync();
        await page.SayAsync("Hello");
        await page.DoneAsync();
        await Expect(page.Answers).ToContainTextAsync("Welcome.");
        page.Forgive(Logged);
    }

    [Fact]
    public async Task Limit_Reached_CountsDownToTheRetry()
    {
        var page = await OpenAsync(Script.Saying("Hello."), options => options.RequestsPerMinute = 2);
        await page.SayAsync("one");
        await page.DoneAsync();

        await page.SayAsync("two");

        await Expect(page.Page.GetByText("Too many requests")).ToBeVisibleAsync();
        var retry = page.Page.Locator(".error").GetByRole(AriaRole.Button);
        await Expect(retry).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"Retry in \d+ s"));
        await Expect(retry).ToHaveAttributeAsync("aria-disabled", "true");
        await page.CheckAsync("limit");
        await retry.ClickAsync(new() { Force = true });
        Assert.Equal(2, page.Requests.Count);
        page.Forgive(Logged);
    }

    [Fact]
    public async Task Server_Gone_KeepsWhatWasWrittenForTheRetry()
    {
        var page = await OpenAsync(Script.Saying("Back again."));
        await page.Page.Context.SetOfflineAsync(true);

        await page.SayAsync("Are you there?");

        await Expect(page.Page.GetByText("The server is gone")).ToBeVisibleAsync();
        await page.CheckAsync("gone");
        await page.Page.Context.SetOfflineAsync(false);
        await page.Button("Retry").ClickAsync();
        await page.DoneAsync();
        await Expect(page.Questions.Locator(".bubble")).ToHaveTextAsync(["Are you there?"]);
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync("Back again.");
        page.Forgive("ERR_INTERNET_DISCONNECTED");
    }

    [Theory]
    [InlineData("", "The server failed")]
    [InlineData("It was a dark and", "The answer broke off")]
    public async Task Model_Fails_KeepsWhatCameAndMayBeRetried(string before, string title)
    {
        var page = await OpenAsync(Script.Failing(before, "It was bright."));

        await page.SayAsync("Tell me");

        await Expect(page.Page.Locator(".error strong", new() { HasText = title })).ToBeVisibleAsync();
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync(before);
        await Expect(page.Page.Locator(".error").GetByText("The server failed; its log says why.")).ToBeVisibleAsync();
        await page.Page.ReloadAsync();
        await Expect(page.Page.Locator(".error strong", new() { HasText = title })).ToBeVisibleAsync();
        await page.Button("Retry").ClickAsync();
        await page.DoneAsync();
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync("It was bright.");
        if (before.Length == 0)
        {
            page.Forgive(Logged);
        }
    }

    [Fact]
    public async Task Parameter_Refused_LeadsToItsSetting()
    {
        var page = await OpenAsync(Script.Saying("Fine."));
        await page.SetAsync(("Stop sequences, one per line", "a\nb\nc\nd\ne"));

        await page.SayAsync("Hello");

        await Expect(page.Page.GetByText("A setting is not accepted")).ToBeVisibleAsync();
        await page.Button("Show the setting").ClickAsync();
        var field = page.Settings.GetByLabel("Stop sequences, one per line");
        await Expect(field).ToBeFocusedAsync();
        await Expect(field).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(page.Page.Locator("#setting-stop-error")).ToContainTextAsync("'stop'");
        await page.CheckAsync("setting-refused");
        await field.FillAsync("a");
        await page.Button("Done").ClickAsync();
        await page.Button("Retry").ClickAsync();
        await page.DoneAsync();
        await Expect(page.Answers.Locator(".prose").Last).ToHaveTextAsync("Fine.");
        page.Forgive(Logged);
    }

    [Theory]
    [InlineData("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Half\"}}]}\n\n", "The answer broke off")]
    [InlineData("data: {\"choices\":[{\"ind\n\n", "The answer broke off")]
    [InlineData("", "The answer broke off")]
    public async Task Stream_ThatIsNotWhole_IsToldAsSuch(string body, string title)
    {
        var page = await OpenAsync(Script.Saying("Fine."));
        await page.Page.RouteAsync("**/v1/chat/completions", route => route.FulfillAsync(new()
        {
            Status = (int)HttpStatusCode.OK, ContentType = "text/event-stream", Body = body,
        }));

        await page.SayAsync("Hello");

        await Expect(page.Page.Locator(".error strong", new() { HasText = title })).ToBeVisibleAsync();
    }
}
