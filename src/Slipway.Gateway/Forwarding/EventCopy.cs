using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Slipway.Gateway.Forwarding;

/// <summary>Forwards a streamed answer in whole events, and ends one that broke off with an event that tells.</summary>
/// <param name="format">The parts of the stream.</param>
/// <param name="context">The request.</param>
internal sealed class EventCopy(StreamFormat format, HttpContext context)
{
    // An event that is longer is no answer's.
    private const long MaxEventBytes = 64L << 20;

    private int _events;

    /// <summary>Forwards until the stream ends.</summary>
    /// <param name="body">The replica's stream.</param>
    /// <param name="idle">The longest time without a byte.</param>
    /// <returns>
    /// false where the stream broke off; if nothing was sent before, nothing is, and another replica can answer.
    /// </returns>
    public async Task<bool> RunAsync(Stream body, TimeSpan idle)
    {
        var reader = PipeReader.Create(body, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            await CopyAsync(reader, idle).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested
            && exception is IOException or HttpRequestException or OperationCanceledException)
        {
            if (context.Response.HasStarted)
            {
                context.Response.BodyWriter.Write(format.End(context.Request.Path, _events));
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }

            return false;
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone, and the replica learns it as its connection closes.
            return true;
        }
        finally
        {
            await reader.CompleteAsync().ConfigureAwait(false);
        }
    }

    private async Task CopyAsync(PipeReader reader, TimeSpan idle)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        while (true)
        {
            time.CancelAfter(idle);
            var result = await reader.ReadAsync(time.Token).ConfigureAwait(false);

            // A client that reads slowly takes nothing of the replica's time.
            time.CancelAfter(Timeout.InfiniteTimeSpan);
            var end = result.IsCompleted ? result.Buffer.End : EndOfEvents(result.Buffer);
            var whole = result.Buffer.Slice(0, end);
            if (result.Buffer.Length - whole.Length > MaxEventBytes)
            {
                throw new IOException("An event of the answer does not end.");
            }

            foreach (var part in whole)
            {
                context.Response.BodyWriter.Write(part.Span);
            }

            if (!whole.IsEmpty)
            {
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
            }

            reader.AdvanceTo(end, result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private SequencePosition EndOfEvents(ReadOnlySequence<byte> buffer)
    {
        var reader = new SequenceReader<byte>(buffer);
        var end = buffer.Start;
        while (reader.TryReadTo(out ReadOnlySequence<byte> line, (byte)'\n'))
        {
            var isEnd = format.IsLines || line.IsEmpty || (line.Length == 1 && line.FirstSpan[0] == '\r');
            (end, _events) = isEnd ? (reader.Position, _events + 1) : (end, _events);
        }

        return end;
    }
}
