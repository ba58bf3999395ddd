using Microsoft.Playwright;
using Slipway.AspNetCore.Tests;
using Slipway.Testing;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Takes the pictures that README shows.</summary>
public sealed class PictureTests(Chromium chromium) : PageTests(chromium)
{
    private const int MaxBytes = 150_000;

    [Fact(Explicit = true)]
    public async Task Readme_Pictures_AreTakenAnew()
    {
        var desktop = await OpenAsync(StartAsync(), width: 1180, height: 940);
        await CallAsync(desktop);
        await desktop.SayAsync("Hello!");
        await Expect(desktop.Answers).ToHaveCountAsync(3);
        await desktop.DoneAsync();
        await desktop.Page.GetByRole(AriaRole.Button, new() { Name = "Tokens" }).Last.ClickAsync();
        await desktop.Page.Locator(".token").Nth(2).HoverAsync();
        await TakeAsync(desktop, "page.png");

        var phone = await OpenAsync(StartAsync(), width: 390, height: 760, scale: 1.5f);
        await phone.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Dark });
        await CallAsync(phone);
        await TakeAsync(phone, "page-phone.png");
    }

    private static async Task CallAsync(OpenedPage page)
    {
        await page.SetAsync(("Temperature", "0"));
        await page.Button("Settings").ClickAsync();
        await page.Settings.GetByLabel("Log-probabilities of the tokens").CheckAsync();
        await page.Button("Done").ClickAsync();
        await page.Page.Locator("#suggestions button", new() { HasText = "Call a tool" }).ClickAsync();
        await page.Page.GetByLabel("Result of set_light").FillAsync("ok");
        await page.Page.Keyboard.PressAsync("Enter");
        await Expect(page.Answers).ToHaveCountAsync(2);
        await page.DoneAsync();
    }

    private static async Task TakeAsync(OpenedPage page, string name)
    {
        var path = Path.Combine(SharedAssets.Repository, "docs", name);
        await page.Page.ScreenshotAsync(new() { Path = path });
        Assert.InRange(new FileInfo(path).Length, 1, MaxBytes);
    }

    private static Task<TestServer> StartAsync() => TestServer.StartAsync(
        models => models.AddModel(TestServer.Assistant, "device-assistant"));
}
