using System.Text.Json.Nodes;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Compares what is set with what is sent.</summary>
public sealed class SettingsTests(Chromium chromium) : PageTests(chromium)
{
    [Fact]
    public async Task Settings_Untouched_LeaveEverythingToTheModel()
    {
        var page = await OpenAsync(Script.Saying("Hello."));
        await page.SayAsync("Hello");
        await page.DoneAsync();
        AssertSent("""
            {"model":"scripted","messages":[{"role":"user","content":"Hello"}],"stream":true,"stream_options":{"include_usage":true}}
            """, page);
    }

    [Fact]
    public async Task Settings_Given_AreSentAsTheyAre()
    {
        var page = await OpenAsync(Script.Saying("Hello."));
        await page.SetAsync(
            ("System prompt", "Be brief."), ("Temperature", "0.25"), ("Top-p", "0.9"), ("Top-k", "40"),
            ("Seed", "-3"), ("Max tokens", "64"), ("Presence penalty", "-0.5"), ("Frequency penalty", "1"),
            ("Stop sequences, one per line", "END\n###"),
            ("Functions as JSON", """{"name":"now","parameters":{"type":"object","properties":{}}}"""),
            ("JSON schema", """{"type":"object"}"""));
        await page.Button("Settings").ClickAsync();
        await page.Settings.GetByLabel("Reasoning").SelectOptionAsync("low");
        await page.Settings.GetByLabel("Tool choice").SelectOptionAsync("none");
        await page.Settings.GetByLabel("Log-probabilities of the tokens").CheckAsync();
        await page.CheckAsync("settings");
        await page.Page.Keyboard.PressAsync("Escape");
        await Expect(page.Button("Settings")).ToBeFocusedAsync();

        await page.SayAsync("Hello");
        await page.DoneAsync();

        AssertSent("""
            {
              "model":"scripted",
              "messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}],
              "stream":true,"stream_options":{"include_usage":true},
              "temperature":0.25,"top_p":0.9,"top_k":40,"max_completion_tokens":64,"seed":-3,
              "presence_penalty":-0.5,"frequency_penalty":1,"stop":["END","###"],
              "tools":[{"type":"function","function":{"name":"now","parameters":{"type":"object","properties":{}}}}],
              "tool_choice":"none",
              "response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"},"strict":true}},
              "reasoning_effort":"low","logprobs":true,"top_logprobs":5
            }
            """, page);
        await page.Button("Settings").ClickAsync();
        await page.Button("Reset").ClickAsync();
        await page.Button("Done").ClickAsync();
        await Expect(page.Page.Locator(".chip")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Settings_Wrong_SaySoAndAreNotSent()
    {
        var page = await OpenAsync(Script.Saying("Hello."));
        foreach (var (label, value, words) in new[]
        {
            ("Temperature", "hot", "Expected a number from 0 to 2."),
            ("Top-p", "1.5", "Expected a number from 0 to 1."),
            ("Max tokens", "2.5", "Expected a whole number of at least 1."),
            ("Seed", "x", "Expected a whole number."),
            ("Functions as JSON", "[{}]", "Tool 1 has no name."),
            ("JSON schema", "[1]", "A schema is an object"),
            ("JSON schema", "{", "This is no JSON: "),
        })
        {
            await page.SetAsync((label, value));
            await page.SayAsync("Hello");

            await Expect(page.Page.GetByText("A setting is not accepted")).ToBeVisibleAsync();
            await Expect(page.Page.Locator(".error")).ToContainTextAsync(words);
            await page.Button("Show the setting").ClickAsync();
            var field = page.Settings.GetByLabel(label, new() { Exact = true });
            await Expect(field).ToBeFocusedAsync();
            await Expect(field).ToHaveAttributeAsync("aria-invalid", "true");
            await field.FillAsync("");
            await Expect(field).Not.ToHaveAttributeAsync("aria-invalid", "true");
            await page.Button("Done").ClickAsync();
        }

        Assert.Empty(page.Requests);
    }

    [Fact]
    public async Task Colours_Switched_OutlastAReload()
    {
        var page = await OpenAsync(Script.Saying("Hello."));
        var toggle = page.Page.GetByRole(
            Microsoft.Playwright.AriaRole.Switch, new() { Name = "Dark colours" });
        Task<string> PaperAsync() => page.Page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor");
        var light = await PaperAsync();

        await toggle.ClickAsync();
        await Expect(toggle).ToBeCheckedAsync();
        Assert.NotEqual(light, await PaperAsync());
        await page.Page.ReloadAsync();
        await Expect(toggle).ToBeCheckedAsync();
        Assert.NotEqual(light, await PaperAsync());
        await toggle.ClickAsync();
        Assert.Equal(light, await PaperAsync());
        Assert.Equal(0, await page.Page.EvaluateAsync<int>("localStorage.length"));
    }

    private static void AssertSent(string expected, OpenedPage page) => Assert.Equal(
        JsonNode.Parse(expected)!.ToJsonString(), Assert.Single(page.Requests).ToJsonString());
}
