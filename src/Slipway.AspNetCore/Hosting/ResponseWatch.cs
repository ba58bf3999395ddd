using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Closes the connection of a client that takes nothing of its answer for too long.</summary>
/// <remarks>
/// Kestrel's own limit is a rate, 240 bytes a second over all that was sent: after a fast beginning a client that reads
/// no more holds its request for hours (3 MB are 3.6 hours). So that limit does not hold here. What holds is the time
/// that one write waits for the client; the server hands on parts of up to 64 KiB, so a client must take that much in
/// the time. Writes that the buffers of server and system have room for wait for nobody.
/// </remarks>
internal sealed partial class ResponseWatch : IHttpResponseBodyFeature, IDisposable
{
    private const int PartBytes = 64 << 10;
    private readonly HttpContext _http;
    private readonly ILogger _logger;
    private readonly TimeSpan _limit;
    private readonly IHttpResponseBodyFeature _body;
    private readonly IHttpMinResponseDataRateFeature? _rate;
    private readonly MinDataRate? _minRate;

    private ResponseWatch(HttpContext http, TimeSpan limit, ILogger logger)
    {
        (_http, _limit, _logger) = (http, limit, logger);
        _body = http.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        Writer = new WatchedWriter(_body.Writer, WaitAsync);
        Stream = Writer.AsStream(leaveOpen: true);
        http.Features.Set<IHttpResponseBodyFeature>(this);
        _rate = http.Features.Get<IHttpMinResponseDataRateFeature>();
        if (_rate is not null)
        {
            (_minRate, _rate.MinDataRate) = (_rate.MinDataRate, null);
        }
    }

    /// <summary>Watches the response until the result is disposed.</summary>
    public static ResponseWatch? Start(HttpContext http, TimeSpan? limit, ILogger logger)
        => limit is { } given ? new ResponseWatch(http, given, logger) : null;

    public Stream Stream { get; }

    public PipeWriter Writer { get; }

    public void DisableBuffering() => _body.DisableBuffering();

    public Task StartAsync(CancellationToken cancellationToken = default) => _body.StartAsync(cancellationToken);

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default)
        => SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

    /// <summary>Sends what is left; the server's own limits hold again for what its buffers keep then.</summary>
    public async Task CompleteAsync()
    {
        var last = _body.CompleteAsync();
        if (!last.IsCompleted)
        {
            await WaitAsync(new(ResultAsync()), 0).ConfigureAwait(false);
        }

        await last.ConfigureAwait(false);

        async Task<FlushResult> ResultAsync()
        {
            await last.ConfigureAwait(false);
            return default;
        }
    }

    public void Dispose()
    {
        _http.Features.Set(_body);
        if (_rate is not null)
        {
            _rate.MinDataRate = _minRate;
        }
    }

    private async ValueTask<FlushResult> WaitAsync(ValueTask<FlushResult> flush, long bytes)
    {
        using var stall = new CancellationTokenSource(_limit * (1 + (Math.Max(0, bytes - 1) / PartBytes)));
        await using var abort = stall.Token.UnsafeRegister(
            static watch => ((ResponseWatch)watch!).Abort(), this).ConfigureAwait(false);
        var result = await flush.ConfigureAwait(false);
        return stall.IsCancellationRequested
            ? throw new ClientGoneException("The client took nothing of its answer for too long.") : result;
    }

    private void Abort()
    {
        Stalled(_logger, _http.Request.Path, _limit.TotalSeconds);
        _http.Abort();
    }

    [LoggerMessage(
        5, LogLevel.Information, "{Path}: the client took nothing of its answer for {Seconds} s; its connection is "
        + "closed")]
    private static partial void Stalled(ILogger logger, string path, double seconds);

    /// <summary>Lets a function wait for flushes that are not done at once.</summary>
    private sealed class WatchedWriter(
        PipeWriter writer, Func<ValueTask<FlushResult>, long, ValueTask<FlushResult>> waitAsync) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => writer.CanGetUnflushedBytes;

        public override long UnflushedBytes => writer.UnflushedBytes;

        public override void Advance(int bytes) => writer.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => writer.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => writer.GetSpan(sizeHint);

        public override void CancelPendingFlush() => writer.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => writer.Complete(exception);

        // Whole answers come at once, and each part of one is waited for alone.
        public override async ValueTask<FlushResult> WriteAsync(
            ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            FlushResult result = default;
            do
            {
                var part = source[..Math.Min(PartBytes, source.Length)];
                source = source[part.Length..];
                this.Write(part.Span);
                result = await FlushAsync(cancellationToken).ConfigureAwait(false);
            }
            while (source.Length > 0 && !result.IsCompleted && !result.IsCanceled);
            return result;
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            var bytes = writer.CanGetUnflushedBytes ? writer.UnflushedBytes : 0;
            var flush = writer.FlushAsync(cancellationToken);
            return flush.IsCompleted ? flush : waitAsync(flush, bytes);
        }
    }
}

/// <summary>Says that the client has closed the connection, or is as good as gone.</summary>
/// <param name="message">What it did.</param>
internal sealed class ClientGoneException(string message) : OperationCanceledException(message);
