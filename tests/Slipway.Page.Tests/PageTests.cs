using Slipway.AspNetCore;
using Slipway.AspNetCore.Tests;

namespace Slipway.Page.Tests;

/// <summary>Opens pages of servers and closes both when the test ends; complaints of the browser fail it.</summary>
public abstract class PageTests(Chromium chromium) : IAsyncLifetime
{
    private readonly Stack<IAsyncDisposable> _opened = [];

    private protected Task<OpenedPage> OpenAsync(
        Script script, Action<OpenAIServerOptions>? configure = null, int width = 1280, int height = 800)
        => OpenAsync(script.StartAsync(configure), width, height);

    private protected async Task<OpenedPage> OpenAsync(
        Task<TestServer> starting, int width = 1280, int height = 800, float scale = 1)
    {
        var server = await starting;
        _opened.Push(server);
        return await OpenAsync(server.Address, width, height, scale);
    }

    private protected async Task<OpenedPage> OpenAsync(
        Uri address, int width = 1280, int height = 800, float scale = 1)
    {
        var page = await OpenedPage.OpenAsync(chromium.Browser, address, width, height, scale);
        _opened.Push(page);
        return page;
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        while (_opened.TryPop(out var opened))
        {
            await opened.DisposeAsync();
        }
    }
}
