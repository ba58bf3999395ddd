using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Slipway.AspNetCore.Tests;
using static Microsoft.Playwright.Assertions;

namespace Slipway.Page.Tests;

/// <summary>Fetches the page's files as browsers and proxies do.</summary>
public sealed partial class PageFileTests(Chromium chromium) : PageTests(chromium)
{
    private const string SecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        + "trusted-types 'none'";

    private static string Folder => Path.Combine(
        Testing.SharedAssets.Repository, "src", "Slipway.AspNetCore", "Page");

    public static TheoryData<string, string> Files => new()
    {
        { "", "text/html; charset=utf-8" }, { "app.js", "text/javascript; charset=utf-8" },
        { "base.css", "text/css; charset=utf-8" }, { "icon.svg", "image/svg+xml" },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public async Task File_IsSentWithItsPolicy_AndOnlyWhereItChanged(string path, string type)
    {
        await using var server = await Script.Saying("x").StartAsync();
        using var response = await SendAsync(server, HttpMethod.Get, path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(type, response.Content.Headers.ContentType!.ToString());
        Assert.Equal([SecurityPolicy], response.Headers.GetValues("Content-Security-Policy"));
        Assert.Equal(["nosniff"], response.Headers.GetValues("X-Content-Type-Options"));
        Assert.Equal(["no-referrer"], response.Headers.GetValues("Referrer-Policy"));
        Assert.Equal(["same-origin"], response.Headers.GetValues("Cross-Origin-Opener-Policy"));
        Assert.Equal("no-cache", response.Headers.CacheControl!.ToString());
        var tag = response.Headers.ETag!.ToString();

        using var same = await SendAsync(server, HttpMethod.Get, path, tag);
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        using var other = await SendAsync(server, HttpMethod.Get, path, "\"other\"");
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        using var head = await SendAsync(server, HttpMethod.Head, path);
        Assert.Equal(tag, head.Headers.ETag!.ToString());
        Assert.Equal(response.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
        Assert.Equal("", await head.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("/chat/")]
    [InlineData("/a/b")]
    public async Task Page_BelowAFolder_FindsItsFilesAndTheApi(string prefix)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddOpenAIServer().AddChatClient(
            "scripted", _ => FakeChatClient.Saying(new Microsoft.Extensions.AI.TextContent("From below.")));
        await using var app = builder.Build();
        app.UsePathBase("/behind");
        app.UseRouting();
        app.MapOpenAI("/ai/v1");
        app.MapServerPage(prefix, "/ai/v1");
        await app.StartAsync(TestContext.Current.CancellationToken);
        var page = await OpenAsync(new Uri($"{app.Urls.First()}/behind{prefix.TrimEnd('/')}"));

        Assert.EndsWith($"/behind{prefix.TrimEnd('/')}/", page.Page.Url, StringComparison.Ordinal);
        await page.SayAsync("Hello");
        await page.DoneAsync();
        await Expect(page.Answers).ToContainTextAsync("From below.");
    }

    [Fact]
    public async Task Page_WithoutAnything_AsksForNothingElse()
    {
        var page = await OpenAsync(Script.Saying("x"));
        await Expect(page.Page.GetByLabel("Model", new() { Exact = true })).ToBeEnabledAsync();
        var names = await page.Page.EvaluateAsync<string[]>(
            "performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname)");
        Assert.Equal(
            Directory.GetFiles(Folder).Select(file => "/" + Path.GetFileName(file))
                .Where(name => Path.GetExtension(name) is ".js" or ".css")
                .Append("/v1/models").Order(StringComparer.Ordinal),
            names.Where(name => name != "/icon.svg").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Files_HoldNothingThatPolicyOrReadersWouldRefuse()
    {
        foreach (var file in Directory.GetFiles(Folder))
        {
            var text = File.ReadAllText(file);
            Assert.True(text.Split('\n').Length <= 350, $"{file} has more than 350 lines.");
            Assert.DoesNotMatch(Unsafe(), text);
        }
    }

    [GeneratedRegex(
        @"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\bstyle=""|\bon[a-z]+=""")]
    private static partial Regex Unsafe();

    private static async Task<HttpResponseMessage> SendAsync(
        TestServer server, HttpMethod method, string path, string? tag = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (tag is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", tag);
        }

        return await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
