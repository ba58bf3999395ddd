using System.Text.Json.Nodes;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Slipway.Testing;

namespace Slipway.Page.Tests;

/// <summary>Holds the page open in a browser window of its own, and what it requested and complained of.</summary>
internal sealed class OpenedPage : IAsyncDisposable
{
    private static readonly AxeRunOptions Contrast = new() { RunOnly = RunOnlyOptions.Rules("color-contrast") };

    // Long, for machines with much else to do: a wait ends when what it waits for is there.
    private const float Timeout = 30_000;
    private readonly IBrowserContext _context;
    private readonly List<string> _complaints = [];

    private OpenedPage(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                Complain(message.Text);
            }
        };
        page.PageError += (_, error) => Complain(error);
        page.Request += (_, request) =>
        {
            if (request.Method == "POST")
            {
                Requests.Add(JsonNode.Parse(request.PostData!)!);
            }
        };
    }

    public IPage Page { get; }

    /// <summary>The bodies that the page posted.</summary>
    public List<JsonNode> Requests { get; } = [];

    public ILocator Prompt => Page.GetByLabel("Message", new() { Exact = true }).And(Page.Locator("textarea"));

    public ILocator Answers => Page.Locator("article.answer");

    public ILocator Questions => Page.Locator("article.question");

    public ILocator Settings => Page.GetByRole(AriaRole.Dialog, new() { Name = "Settings" });

    static OpenedPage() => Assertions.SetDefaultExpectTimeout(Timeout);

    public static async Task<OpenedPage> OpenAsync(IBrowser browser, Uri address, int width, int height, float scale)
    {
        var context = await browser.NewContextAsync(new()
        {
            ViewportSize = new() { Width = width, Height = height },
            DeviceScaleFactor = scale,
            ColorScheme = ColorScheme.Light,
            ReducedMotion = ReducedMotion.Reduce,
            Permissions = ["clipboard-read", "clipboard-write"],
        });
        context.SetDefaultTimeout(Timeout);
        var opened = new OpenedPage(context, await context.NewPageAsync());
        await opened.Page.GotoAsync(address.ToString());
        return opened;
    }

    public async Task SayAsync(string text)
    {
        await Prompt.FillAsync(text);
        await Prompt.PressAsync("Enter");
    }

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    /// <summary>Waits until no answer is being written.</summary>
    public Task DoneAsync() => Assertions.Expect(Page.Locator("[aria-busy=true]")).ToHaveCountAsync(0);

    /// <summary>Sets settings by their labels.</summary>
    public async Task SetAsync(params (string Label, string Value)[] settings)
    {
        await Button("Settings").ClickAsync();
        foreach (var (label, value) in settings)
        {
            await Settings.GetByLabel(label, new() { Exact = true }).FillAsync(value);
        }

        await Button("Done").ClickAsync();
    }

    /// <summary>Checks that axe finds nothing, in light and in dark, and keeps pictures of both.</summary>
    public async Task CheckAsync(string name)
    {
        foreach (var colors in new[] { ColorScheme.Dark, ColorScheme.Light })
        {
            await Page.EmulateMediaAsync(new() { ColorScheme = colors });
            await Page.ScreenshotAsync(new()
            {
                Path = Path.Combine(
                    SharedAssets.Repository, "artifacts", "screenshots", $"{name}-{colors}.png".ToLowerInvariant()),
            });

            // Only contrast depends on the colours.
            var found = await Page.RunAxe(colors == ColorScheme.Light ? null : Contrast);
            Assert.True(found.Violations.Length == 0, $"{name}, {colors}: " + string.Join("\n", found.Violations.Select(
                one => $"{one.Id} ({one.Impact}): {one.Help} "
                    + string.Join(", ", one.Nodes.Select(node => node.Html)))));
        }
    }

    /// <summary>Checks that nothing is wider than the window.</summary>
    public async Task CheckWidthAsync()
    {
        var (inner, outer) = (
            await Page.EvaluateAsync<int>("document.documentElement.scrollWidth"),
            await Page.EvaluateAsync<int>("document.documentElement.clientWidth"));
        Assert.True(inner <= outer, $"The page is {inner} pixels wide in a window of {outer}.");
    }

    /// <summary>Takes back complaints that a test provoked: failed requests, which browsers always log.</summary>
    public void Forgive(string text)
    {
        lock (_complaints)
        {
            Assert.NotEqual(0, _complaints.RemoveAll(line => line.Contains(text, StringComparison.Ordinal)));
        }
    }

    private void Complain(string text)
    {
        lock (_complaints)
        {
            _complaints.Add(text);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        lock (_complaints)
        {
            Assert.Empty(_complaints);
        }
    }
}
