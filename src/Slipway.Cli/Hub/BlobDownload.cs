using System.Net;
using System.Security.Cryptography;

namespace Slipway.Cli.Hub;

/// <summary>Downloads a content into a file that appears once its length and hash are right.</summary>
/// <remarks>
/// Until then the bytes lie in <c>….incomplete</c>, from whose end a later run goes on. Bytes of a wrong content are
/// removed, so that the next run begins anew.
/// </remarks>
/// <param name="client">Asks the hub.</param>
/// <param name="name">The repository.</param>
/// <param name="settings">How long to wait.</param>
internal sealed class BlobDownload(HubClient client, HubName name, HubSettings settings)
{
    private const int MaxFruitlessTries = 5;
    private const int BufferSize = 1 << 20;
    private const int Sha1Digits = 40;

    /// <summary>Downloads.</summary>
    /// <param name="file">The file.</param>
    /// <param name="target">The path of the content.</param>
    /// <param name="arrived">Told how many bytes of it are there.</param>
    /// <param name="cancellationToken">Stops; what has arrived stays for the next run.</param>
    /// <exception cref="InvalidDataException">The content has another length or hash than the hub
    /// said.</exception>
    /// <exception cref="IOException">The hub refuses, breaks off, or another process downloads the same.</exception>
    public async Task RunAsync(
        HubFile file, string target, Action<long> arrived, CancellationToken cancellationToken)
    {
        var partial = $"{target}.incomplete";
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        try
        {
            using var stream = OpenPartial(partial, file);
            await FillAsync(file, stream, arrived, cancellationToken).ConfigureAwait(false);
            var hash = await HashAsync(file, stream, cancellationToken).ConfigureAwait(false);
            if (hash != file.Hash)
            {
                throw new InvalidDataException(
                    $"'{file.Path}' of '{name.Repository}' has the hash {hash}; the hub says {file.Hash}. What was "
                    + "downloaded is removed; run the command again, or set HF_ENDPOINT to another hub.");
            }

            stream.Flush(flushToDisk: true);
        }
        catch (InvalidDataException)
        {
            File.Delete(partial);
            throw;
        }

        File.Move(partial, target, overwrite: true);
    }

    private static FileStream OpenPartial(string partial, HubFile file)
    {
        try
        {
            var stream = new FileStream(partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (stream.Length > file.Size)
            {
                stream.SetLength(0);
            }

            return stream;
        }
        catch (IOException exception) when (File.Exists(partial) && exception is not PathTooLongException)
        {
            throw new IOException(
                $"'{partial}' cannot be opened: {exception.Message} If another process downloads '{file.Path}', "
                + "wait for it.",
                exception);
        }
    }

    private async Task FillAsync(
        HubFile file, FileStream stream, Action<long> arrived, CancellationToken cancellationToken)
    {
        for (var fruitless = 0; stream.Length < file.Size;)
        {
            var before = stream.Length;
            arrived(before);
            Exception? broken = null;
            try
            {
                using var response = await client.OpenAsync(file, before, cancellationToken).ConfigureAwait(false);
                if (HubClient.IsTransient(response.StatusCode))
                {
                    broken = new HttpRequestException($"the hub answers {(int)response.StatusCode}");
                }
                else if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
                {
                    stream.SetLength(0);
                }
                else
                {
                    client.Require(response, name, file.Path);
                    await CopyAsync(file, response, stream, arrived, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (Exception exception) when (exception is HttpIOException or TimeoutException or HttpRequestException
                or IOException { InnerException: System.Net.Sockets.SocketException })
            {
                broken = exception;
            }

            fruitless = stream.Length > before ? 0 : fruitless + 1;
            if (fruitless >= MaxFruitlessTries)
            {
                throw new IOException(
                    $"The download of '{file.Path}' ends after {stream.Length} of {file.Size} bytes"
                    + $"{(broken is null ? "" : $": {broken.Message}")}. Run the command again: it goes on from there.",
                    broken);
            }

            if (stream.Length < file.Size)
            {
                await client.PauseAsync(fruitless + 1, cancellationToken).ConfigureAwait(false);
            }
        }

        arrived(file.Size);
    }

    private async Task CopyAsync(
        HubFile file, HttpResponseMessage response, FileStream stream, Action<long> arrived,
        CancellationToken cancellationToken)
    {
        // A server that knows no ranges begins anew.
        var start = response.StatusCode == HttpStatusCode.PartialContent
            ? response.Content.Headers.ContentRange?.From ?? 0 : 0;
        if (start != 0 && start != stream.Length)
        {
            throw Lies(file, $"sends bytes from {start} on where {stream.Length} was asked for");
        }

        if (response.Content.Headers.ContentLength is { } length && start + length != file.Size)
        {
            throw Lies(file, $"sends {start + length} bytes");
        }

        stream.SetLength(start);
        stream.Position = start;
        var content = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (content.ConfigureAwait(false))
        {
            var buffer = new byte[BufferSize];
            for (int read; (read = await ReadAsync(content, buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            {
                if (stream.Length + read > file.Size)
                {
                    throw Lies(file, "sends more");
                }

                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken).ConfigureAwait(false);
                arrived(stream.Length);
            }
        }
    }

    private async Task<int> ReadAsync(Stream content, byte[] buffer, CancellationToken cancellationToken)
    {
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stall.CancelAfter(settings.StallTimeout);
        try
        {
            return await content.ReadAsync(buffer, stall.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"no byte arrived within {settings.StallTimeout.TotalSeconds:0.#} seconds");
        }
    }

    private InvalidDataException Lies(HubFile file, string what) => new(
        $"For '{file.Path}' of '{name.Repository}' the hub said {file.Size} bytes and {what}. What was downloaded is "
        + "removed; run the command again, or set HF_ENDPOINT to another hub.");

    // Files that Git keeps itself are known by Git's hash, over a header and the content.
    private static async Task<string> HashAsync(HubFile file, FileStream stream, CancellationToken cancellationToken)
    {
#pragma warning disable CA5350 // Git names contents by SHA-1.
        using var hash = IncrementalHash.CreateHash(
            file.Hash.Length == Sha1Digits ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
#pragma warning restore CA5350
        if (file.Hash.Length == Sha1Digits)
        {
            hash.AppendData(System.Text.Encoding.ASCII.GetBytes($"blob {file.Size}\0"));
        }

        stream.Position = 0;
        var buffer = new byte[BufferSize];
        for (int read; (read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
        {
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
