using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Slipway.AspNetCore.Tests;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Talks with the device assistant's package.</summary>
public sealed partial class AssistantTests(Chromium chromium) : PageTests(chromium)
{
    [Fact]
    public async Task Tool_IsCalledAndTheResultSentOn()
    {
        var page = await OpenAsync(StartAsync());
        await page.SetAsync(("Temperature", "0"));
        await Suggestion(page, "Call a tool").ClickAsync();

        var result = page.Page.GetByLabel("Result of set_light");
        await Expect(result).ToBeFocusedAsync();
        await Expect(page.Answers.Locator(".short")).ToHaveTextAsync(ArgumentsOfTheCall());
        await Expect(page.Page.Locator("#announcements")).ToHaveTextAsync("The model calls set_light.");
        await page.CheckAsync("call");
        await page.Prompt.FillAsync("And now?");
        await page.Prompt.PressAsync("Enter");
        await Expect(page.Page.Locator("#hint")).ToHaveTextAsync("The model waits for the result of its call.");
        await result.FillAsync("ok");
        await result.PressAsync("Enter");

        await Expect(page.Answers).ToHaveCountAsync(2);
        await page.DoneAsync();
        await Expect(page.Answers.Last).ToContainTextAsync("The light in the kitchen is on.");
        var sent = page.Requests[1]["messages"]!.AsArray();
        Assert.Equal("set_light", (string?)sent[1]!["tool_calls"]![0]!["function"]!["name"]);
        Assert.Equal("ok", (string?)sent[2]!["content"]);
        Assert.Equal((string?)sent[1]!["tool_calls"]![0]!["id"], (string?)sent[2]!["tool_call_id"]);
        Assert.Equal(2, page.Requests[0]["tools"]!.AsArray().Count);
        await page.CheckAsync("called");

        await page.Button("Change the result").ClickAsync();
        await Expect(page.Answers).ToHaveCountAsync(1);
        await Expect(result).ToHaveValueAsync("ok");
        await result.FillAsync("error: the bulb is broken");
        await page.Button("Send result").ClickAsync();
        await page.DoneAsync();
        await Expect(page.Answers).ToHaveCountAsync(2);
        Assert.Equal("error: the bulb is broken", (string?)page.Requests[2]["messages"]![2]!["content"]);
    }

    [Fact]
    public async Task Tokens_AreGoneThroughByKeys()
    {
        var page = await OpenAsync(StartAsync());
        await page.SetAsync(("Temperature", "0"));
        await page.Button("Settings").ClickAsync();
        await page.Settings.GetByLabel("Log-probabilities of the tokens").CheckAsync();
        await page.Button("Done").ClickAsync();
        await page.SayAsync("Hello!");
        await page.DoneAsync();
        await Expect(page.Answers).ToContainTextAsync("Hello! What can I do for you?");
        await Expect(page.Answers.Locator(".figures")).ToContainTextAsync(
            new Regex(@"15 tokens in .* s[\d.,]+ tokens/s"));

        await page.Button("Tokens").FocusAsync();
        await page.Page.Keyboard.PressAsync("Enter");

        var tokens = page.Page.GetByRole(AriaRole.Option).And(page.Page.Locator(".token"));
        await Expect(tokens.First).ToBeFocusedAsync();
        Assert.Equal("Hello! What can I do for you?<|end|>", string.Concat(await tokens.AllTextContentsAsync()));
        await page.Page.Keyboard.PressAsync("ArrowRight");
        await Expect(tokens.Nth(1)).ToBeFocusedAsync();
        await Expect(tokens.Nth(1)).ToHaveAttributeAsync("aria-selected", "true");
        await Expect(tokens.Nth(1)).ToHaveAttributeAsync("aria-label", new Regex(@"^“.+”, (100|[\d.]+|< 0\.1) %$"));
        await Expect(page.Page.Locator(".alternatives tr")).ToHaveCountAsync(5);
        await Expect(page.Page.Locator(".alternatives .chosen")).ToHaveCountAsync(1);
        await page.Page.Keyboard.PressAsync("End");
        await Expect(tokens.Last).ToBeFocusedAsync();
        await tokens.Nth(2).HoverAsync();
        await Expect(tokens.Nth(2)).ToHaveAttributeAsync("aria-selected", "true");
        await page.CheckAsync("tokens");
        await page.Button("Tokens").ClickAsync();
        await Expect(page.Answers.Locator("p").First).ToHaveTextAsync("Hello! What can I do for you?");
    }

    [Fact]
    public async Task Schema_HoldsTheAnswer()
    {
        var page = await OpenAsync(StartAsync());
        await Suggestion(page, "Fill a form").ClickAsync();
        await Expect(page.Answers).ToHaveCountAsync(1);
        await page.DoneAsync();

        var answer = JsonNode.Parse(await page.Answers.Locator("pre").TextContentAsync() ?? "")!.AsObject();
        Assert.Equal(["name", "rooms", "pets"], answer.Select(member => member.Key));
        await page.CheckAsync("schema");
    }

    private static ILocator Suggestion(OpenedPage page, string title)
        => page.Page.Locator("#suggestions button", new() { HasText = title });

    private static Task<TestServer> StartAsync() => TestServer.StartAsync(
        models => models.AddModel(TestServer.Assistant, "device-assistant"));

    [GeneratedRegex("""^\{"room": ?"kitchen", ?"on": ?true\}$""")]
    private static partial Regex ArgumentsOfTheCall();
}
