using Microsoft.Playwright;
using Slipway.Page.Tests;

[assembly: AssemblyFixture(typeof(Chromium))]

namespace Slipway.Page.Tests;

/// <summary>Starts the system's Chromium once for all tests; without one they skip, or fail in CI.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>The browser; skips the running test where there is none.</summary>
    public IBrowser Browser
    {
        get
        {
            var isRequired = Environment.GetEnvironmentVariable("SLIPWAY_REQUIRE_ASSETS") is { Length: > 0 };
            Assert.False(_browser is null && isRequired, "There is no Chromium. Install Debian's package 'chromium'.");
            Assert.SkipWhen(_browser is null, "There is no Chromium on the PATH.");
            return _browser;
        }
    }

    public async ValueTask InitializeAsync()
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        if (path is null)
        {
            return;
        }

        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = path,

            // A sandbox of Chromium's own is not to be had for root in a container.
            ChromiumSandbox = false,
            Args = ["--disable-gpu", "--disable-dev-shm-usage"],
        });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.CloseAsync();
        }

        _playwright?.Dispose();
    }
}
