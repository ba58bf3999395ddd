using System.Globalization;
using Microsoft.AspNetCore.Http;
using Slipway.Cli.Hub;
using Slipway.Testing;

namespace Slipway.Cli.Tests.Hub;

/// <summary>Pulls from a hub of the test's own that is honest, slow, broken or lies.</summary>
public sealed class HubPullTests : IAsyncLifetime
{
    private const string Large = "sub/model.safetensors";

    private readonly TemporaryFolder _folder = new();
    private readonly byte[] _content = new byte[300_000];
    private TestHub _hub = null!;

    private string Repository => _folder["models--owner--model"];

    private string Blob => Path.Combine(Repository, "blobs", TestHub.Hash(Large, _content));

    private string Snapshot => Path.Combine(Repository, "snapshots", TestHub.Commit);

    public async ValueTask InitializeAsync()
    {
        new Random(1).NextBytes(_content);
        _hub = await TestHub.StartAsync();
        _hub.Files["config.json"] = "{}"u8.ToArray();
        _hub.Files[Large] = _content;
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Pull_Repository_LiesAsHuggingFacesClientLaysIt()
    {
        var report = await PullAsync();

        Assert.Equal(Snapshot, report.Folder);
        Assert.Equal(_content.Length + 2, report.DownloadedBytes);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Path.Combine(Snapshot, "sub", "model.safetensors"), Token));
        Assert.Equal(TestHub.Commit, await File.ReadAllTextAsync(Path.Combine(Repository, "refs", "main"), Token));
        Assert.Equal(
            [TestHub.Hash("config.json", "{}"u8.ToArray()), TestHub.Hash(Large, _content)],
            Names("blobs").OrderBy(name => name.Length));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                $"../../../blobs/{TestHub.Hash(Large, _content)}",
                new FileInfo(Path.Combine(Snapshot, "sub", "model.safetensors")).LinkTarget);
        }
    }

    [Fact]
    public async Task Pull_Again_DownloadsNothing()
    {
        await PullAsync();
        _hub.Requests.Clear();

        Assert.Equal(0, (await PullAsync()).DownloadedBytes);
        Assert.DoesNotContain(
            _hub.Requests,
            request => request.Method == "GET" && request.Path.Contains("resolve", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pull_ConnectionThatBreaks_GoesOnByRange()
    {
        var breaks = 2;
        Contents(async context =>
        {
            var start = context.Request.GetTypedHeaders().Range?.Ranges.Single().From ?? 0;
            if (breaks-- == 0)
            {
                await TestHub.SendAsync(context, _content);
                return;
            }

            if (start > 0)
            {
                context.Response.StatusCode = 206;
                context.Response.Headers.ContentRange = $"bytes {start}-{_content.Length - 1}/{_content.Length}";
            }

            await TestHub.BreakOffAsync(context, _content[(int)start..], 70_000);
        });

        await PullAsync();

        Assert.Equal(_content, await File.ReadAllBytesAsync(Blob, Token));
        Assert.Equal(2, _hub.Ranges.Count());
    }

    [Fact]
    public async Task Pull_TruncatedEachTime_LeavesNothingHalfAndGoesOnLater()
    {
        Contents(context => context.Request.Headers.Range.Count == 0
            ? TestHub.BreakOffAsync(context, _content, 100_000)
            : Reset(context));

        var exception = await Assert.ThrowsAsync<IOException>(PullAsync);

        Assert.Matches(
            $"^The download of '{Large}' ends after \\d+ of 300000 bytes: .*Run the command again: it goes on from ",
            exception.Message);
        Assert.False(Directory.Exists(Path.Combine(Repository, "snapshots")));
        Assert.False(File.Exists(Blob));
        var arrived = new FileInfo($"{Blob}.incomplete").Length;
        Assert.InRange(arrived, 1, 100_000);

        _hub.Interrupts = _ => Task.FromResult(false);
        _hub.Requests.Clear();
        await PullAsync();
        Assert.Equal([$"bytes={arrived.ToString(CultureInfo.InvariantCulture)}-"], _hub.Ranges);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Blob, Token));
        Assert.False(File.Exists($"{Blob}.incomplete"));
    }

    [Fact]
    public async Task Pull_Cancelled_GoesOnLater()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Contents(async context =>
        {
            await context.Response.Body.WriteAsync(_content.AsMemory(0, 50_000), Token);
            await context.Response.Body.FlushAsync(Token);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PullAsync(
            new Progress(report =>
            {
                if (report.Share > 0.1)
                {
                    stop.Cancel();
                }
            }),
            stop.Token));
        Assert.False(Directory.Exists(Path.Combine(Repository, "snapshots")));

        _hub.Interrupts = _ => Task.FromResult(false);
        await PullAsync();
        Assert.Single(_hub.Ranges);
        Assert.Equal(_content, await File.ReadAllBytesAsync(Blob, Token));
    }

    [Fact]
    public async Task Pull_HubWithoutRanges_BeginsAnew()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Blob)!);
        await File.WriteAllBytesAsync($"{Blob}.incomplete", new byte[1000], Token);
        Contents(async context =>
        {
            context.Response.ContentLength = _content.Length;
            await context.Response.Body.WriteAsync(_content, Token);
        });

        await PullAsync();

        Assert.Equal(_content, await File.ReadAllBytesAsync(Blob, Token));
    }

    [Fact]
    public async Task Pull_StalledConnection_IsTriedAgain()
    {
        var stalls = 1;
        Contents(async context =>
        {
            if (stalls-- > 0)
            {
                context.Response.ContentLength = _content.Length;
                await context.Response.Body.WriteAsync(_content.AsMemory(0, 10), Token);
                await context.Response.Body.FlushAsync(Token);
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }

            await TestHub.SendAsync(context, _content);
        });

        await PullAsync(Settings with { StallTimeout = TimeSpan.FromSeconds(0.5) });

        Assert.Equal(_content, await File.ReadAllBytesAsync(Blob, Token));
    }

    [Fact]
    public async Task Pull_OtherContentThanItsHash_IsRefusedAndRemoved()
    {
        var other = _content.ToArray();
        other[17] ^= 1;
        Contents(context => TestHub.SendAsync(context, other));

        await RefusedAsync($"'{Large}' of 'owner/model' has the hash {TestHub.Hash(Large, other)}; the hub says "
            + TestHub.Hash(Large, _content));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(-100)]
    public async Task Pull_OtherLengthThanItSaid_IsRefusedAndRemoved(int more)
    {
        Contents(context => TestHub.SendAsync(context, new byte[_content.Length + more]));

        await RefusedAsync(
            $"For '{Large}' of 'owner/model' the hub said 300000 bytes and sends {300_000 + more} bytes.");
    }

    [Fact]
    public async Task Pull_EndlessContent_StopsAtTheLength()
    {
        Contents(async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(_content, context.RequestAborted);
            }
        });

        await RefusedAsync($"For '{Large}' of 'owner/model' the hub said 300000 bytes and sends more.");
    }

    [Fact]
    public async Task Pull_ContentOnAnotherHost_GoesWithoutTheToken()
    {
        await using var other = await TestHub.StartAsync();
        other.Interrupts = async context =>
        {
            await TestHub.SendAsync(context, _content);
            return true;
        };
        Contents(context =>
        {
            context.Response.Redirect(new Uri(other.Address, "store/x").ToString());
            return Task.CompletedTask;
        });

        await PullAsync(Settings with { Token = "secret" });

        Assert.Equal(_content, await File.ReadAllBytesAsync(Blob, Token));
        Assert.All(_hub.Requests, request => Assert.Equal("Bearer secret", request.Token));
        Assert.Equal("", Assert.Single(other.Requests).Token);
    }

    [Fact]
    public async Task Pull_DescriptionOnAnotherHost_IsRefusedByName()
    {
        await using var other = await TestHub.StartAsync();
        _hub.Interrupts = context =>
        {
            context.Response.Redirect(new Uri(other.Address, context.Request.Path).ToString());
            return Task.FromResult(true);
        };

        var exception = await Assert.ThrowsAsync<IOException>(() => PullAsync(Settings with { Token = "secret" }));

        Assert.Contains(
            $"sends to the host '{other.Address.Authority}' for 'owner/model'; descriptions are taken from the hub ",
            exception.Message, StringComparison.Ordinal);
        Assert.Empty(other.Requests);
    }

    [Fact]
    public async Task Pull_LargeFileOnAnotherHost_IsDescribedByTheHub()
    {
        await using var other = await TestHub.StartAsync();
        other.Interrupts = async context =>
        {
            await TestHub.SendAsync(context, _content);
            return true;
        };
        _hub.Interrupts = context =>
        {
            var isLarge = context.Request.Path.Value!.EndsWith(Large, StringComparison.Ordinal);
            if (isLarge)
            {
                context.Response.Headers["X-Linked-Etag"] = $"\"{TestHub.Hash(Large, _content)}\"";
                context.Response.Headers["X-Linked-Size"] = "300000";
                context.Response.Redirect(new Uri(other.Address, "store/x").ToString());
            }

            return Task.FromResult(isLarge);
        };

        await PullAsync();

        Assert.Equal(_content, await File.ReadAllBytesAsync(Blob, Token));
        Assert.Equal("GET", Assert.Single(other.Requests).Method);
    }

    [Theory]
    [InlineData(401, "does not show 'owner/model': it does not exist, or is private. No token was sent")]
    [InlineData(403, "refuses 'owner/model'. No token was sent; accept the terms")]
    [InlineData(404, "has no 'owner/model' at revision 'main'. Check the name and --revision.")]
    [InlineData(503, "answers 503 (Service Unavailable) for 'owner/model'. Try again later.")]
    public async Task Pull_Refused_SaysWhatToDo(int status, string words)
    {
        _hub.Interrupts = context =>
        {
            context.Response.StatusCode = status;
            return Task.FromResult(true);
        };

        var exception = await Assert.ThrowsAsync<IOException>(PullAsync);

        Assert.Contains(words, exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Repository));
    }

    [Theory]
    [InlineData("../../escape.json")]
    [InlineData("/etc/escape.json")]
    [InlineData("a\\..\\escape.json")]
    [InlineData("C:escape.json")]
    public async Task Pull_PathThatLeavesTheFolder_IsRefused(string path)
    {
        _hub.Files[path] = "{}"u8.ToArray();

        var exception = await Assert.ThrowsAsync<InvalidDataException>(PullAsync);

        Assert.StartsWith(
            $"The hub names the file '{path}', which would lie outside", exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Repository));
    }

    [Theory]
    [InlineData("\"5f-weak\"")]
    [InlineData("\"../../escape\"")]
    [InlineData("")]
    public async Task Pull_FileWithoutAHash_IsRefused(string tag)
    {
        _hub.Describes = response => response.Headers.ETag = tag;

        var exception = await Assert.ThrowsAsync<InvalidDataException>(PullAsync);

        Assert.Contains("no length and hash to check it by", exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Repository));
    }

    [Fact]
    public async Task Pull_AnswerThatIsNoHubs_IsRefused()
    {
        _hub.Interrupts = async context =>
        {
            await context.Response.WriteAsync("<html>", Token);
            return true;
        };

        var exception = await Assert.ThrowsAsync<InvalidDataException>(PullAsync);

        Assert.Contains("does not answer as a hub does", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_Patterns_ChooseFiles()
    {
        _hub.Files["onnx/model.onnx"] = [1];

        var report = await new HubPull(Settings).RunAsync(
            HubName.Parse(TestHub.Repository), ["*.json", "*.onnx"], ["onnx/*"], new Progress(_ => { }), Token);

        Assert.Equal(["config.json"], report.Files.Select(file => file.Path));
        Assert.Equal(["config.json"], Directory.GetFileSystemEntries(Snapshot).Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public async Task Pull_Offline_GivesWhatIsThereAndAsksNobody()
    {
        var offline = Settings with { Offline = true };
        var exception = await Assert.ThrowsAsync<UsageException>(() => PullAsync(offline));
        Assert.StartsWith(
            "'owner/model' at revision 'main' has not been pulled", exception.Message, StringComparison.Ordinal);

        await PullAsync();
        _hub.Requests.Clear();
        Assert.Equal(Snapshot, (await PullAsync(offline)).Folder);
        Assert.Empty(_hub.Requests);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HubSettings Settings => new(_hub.Address, _folder.Path, Token: null, Offline: false)
    {
        RetryPause = TimeSpan.FromMilliseconds(1),
    };

    private IEnumerable<string> Names(string folder)
        => Directory.EnumerateFiles(Path.Combine(Repository, folder)).Select(path => Path.GetFileName(path));

    private Task<PullReport> PullAsync() => PullAsync(Settings);

    private static Task<PullReport> PullAsync(HubSettings settings) => new HubPull(settings).RunAsync(
        HubName.Parse(TestHub.Repository), [], [], new Progress(_ => { }), Token);

    private Task<PullReport> PullAsync(IProgress<(double, string)> progress, CancellationToken cancellationToken)
        => new HubPull(Settings).RunAsync(HubName.Parse(TestHub.Repository), [], [], progress, cancellationToken);

    private async Task RefusedAsync(string words)
    {
        var exception = await Assert.ThrowsAsync<InvalidDataException>(PullAsync);
        Assert.StartsWith(words, exception.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Blob));
        Assert.False(File.Exists($"{Blob}.incomplete"));
        Assert.False(Directory.Exists(Path.Combine(Repository, "snapshots")));
    }

    // Answers for the large file's content.
    private void Contents(Func<HttpContext, Task> send) => _hub.Interrupts = async context =>
    {
        var isContent = context.Request.Method == "GET"
            && context.Request.Path.Value!.EndsWith(Large, StringComparison.Ordinal);
        if (isContent)
        {
            await send(context);
        }

        return isContent;
    };

    private static Task Reset(HttpContext context)
    {
        context.Abort();
        return Task.CompletedTask;
    }

    private sealed class Progress(Action<(double Share, string Words)> report) : IProgress<(double Share, string Words)>
    {
        public void Report((double Share, string Words) value) => report(value);
    }
}
