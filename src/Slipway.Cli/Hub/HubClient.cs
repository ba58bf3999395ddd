using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Slipway.Cli.Hub;

/// <summary>Asks a Hugging Face-compatible hub for commits, files and contents.</summary>
/// <remarks>
/// Redirects are followed here and not by the HTTP client: the token goes to the hub alone, what describes files must
/// come from the hub itself, and a secured address never leads to one that is not. Contents may lie on other hosts;
/// they are checked by length and hash. Source: huggingface_hub, <c>file_download.py</c>, for the names of headers.
/// </remarks>
/// <param name="settings">Where the hub is.</param>
internal sealed class HubClient(HubSettings settings) : IDisposable
{
    private const int MaxRedirects = 10;
    private const int MaxTries = 5;
    private const int MaxDescriptionBytes = 64 << 20;

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(30),
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = MaxDescriptionBytes,
        DefaultRequestHeaders = { { "User-Agent", "slipway" }, { "Accept-Encoding", "identity" } },
    };

    public void Dispose() => _http.Dispose();

    /// <summary>Reads which commit a revision is at, and the paths of its files.</summary>
    public async Task<HubCommit> ReadCommitAsync(HubName name, CancellationToken cancellationToken)
    {
        var address = new Uri(
            settings.Endpoint,
            $"api/models/{name.Repository}/revision/{Uri.EscapeDataString(name.Revision)}");
        using var response = await TryAsync(
            () => SendAsync(HttpMethod.Get, address, start: 0, leavesHub: false, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        Require(response, name, file: null);
        var text = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            using var document = JsonDocument.Parse(text);
            var id = document.RootElement.GetProperty("sha").GetString();
            string?[] paths = [.. document.RootElement.GetProperty("siblings").EnumerateArray()
                .Select(file => file.GetProperty("rfilename").GetString())];
            return id is not null && HubCache.IsCommit(id) && !paths.Contains(null)
                ? new HubCommit(id, [.. paths.Select(path => Checked(path!)).Distinct(StringComparer.Ordinal)])
                : throw new InvalidDataException($"'{address}' names no commit.");
        }
        catch (Exception exception) when (exception
            is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidDataException(
                $"'{address}' does not answer as a hub does: {exception.Message} Check HF_ENDPOINT.", exception);
        }
    }

    /// <summary>Reads the length and the hash of a file.</summary>
    public async Task<HubFile> ReadFileAsync(
        HubName name, string commit, string path, CancellationToken cancellationToken)
    {
        var escaped = string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
        var address = new Uri(settings.Endpoint, $"{name.Repository}/resolve/{commit}/{escaped}");
        using var response = await TryAsync(
            () => SendAsync(HttpMethod.Head, address, start: 0, leavesHub: false, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        if (!IsRedirect(response.StatusCode))
        {
            Require(response, name, path);
        }

        var size = Header(response, "X-Linked-Size") is { } linked
            ? long.TryParse(linked, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : null
            : IsRedirect(response.StatusCode) ? null : response.Content.Headers.ContentLength;
        var tag = (Header(response, "X-Linked-Etag") ?? Header(response, "ETag"))?.Trim();
        tag = tag?.StartsWith("W/", StringComparison.Ordinal) == true ? tag[2..] : tag;
        var hash = tag?.Trim('"').ToLowerInvariant() ?? "";
        var elsewhere = IsRedirect(response.StatusCode) ? $", redirected to '{Target(response, address).Host}'" : "";
        return size is { } known && known >= 0 && HubCache.IsCommit(hash)
            ? new HubFile(path, known, hash, address)
            : throw new InvalidDataException(
                $"The hub '{settings.Endpoint}' gives '{path}' of '{name.Repository}' no length and hash to check it "
                + $"by (ETag '{tag}', length '{size}'{elsewhere}). Set HF_ENDPOINT to a hub that does.");
    }

    /// <summary>Begins to read a content, from a byte on.</summary>
    public Task<HttpResponseMessage> OpenAsync(HubFile file, long start, CancellationToken cancellationToken)
        => SendAsync(HttpMethod.Get, file.Address, start, leavesHub: true, cancellationToken);

    /// <summary>Requires success of an answer.</summary>
    /// <exception cref="IOException">It is none; the sentence says what to do.</exception>
    public void Require(HttpResponseMessage response, HubName name, string? file)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var what = file is null ? $"'{name.Repository}'" : $"'{file}' of '{name.Repository}'";
        var token = settings.Token is null ? "No token was sent" : "The token that was sent does not suffice";
        throw new IOException(response.StatusCode switch
        {
            HttpStatusCode.Unauthorized =>
                $"The hub '{settings.Endpoint}' does not show {what}: it does not exist, or is private. {token}; check "
                + "the name, or set HF_TOKEN to a token that may read it.",
            HttpStatusCode.Forbidden =>
                $"The hub '{settings.Endpoint}' refuses {what}. {token}; accept the terms on the repository's "
                + "page, and set HF_TOKEN to a token that may read it.",
            HttpStatusCode.NotFound =>
                $"The hub '{settings.Endpoint}' has no {what} at revision '{name.Revision}'. Check the name and "
                + "--revision.",
            _ => IsRedirect(response.StatusCode)
                ? $"The hub '{settings.Endpoint}' sends to the host "
                    + $"'{Target(response, settings.Endpoint).Authority}' for {what}; descriptions are taken from the "
                    + "hub alone. Set HF_ENDPOINT to that host if you trust it."
                : $"The hub '{settings.Endpoint}' answers {(int)response.StatusCode} ({response.ReasonPhrase}) for "
                    + $"{what}. Try again later.",
        });
    }

    /// <summary>Tries again what a busy hub or a broken connection failed.</summary>
    public async Task<HttpResponseMessage> TryAsync(
        Func<Task<HttpResponseMessage>> send, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var response = await send().ConfigureAwait(false);
                if (attempt == MaxTries || !IsTransient(response.StatusCode))
                {
                    return response;
                }

                response.Dispose();
            }
            catch (HttpRequestException exception)
            {
                if (attempt == MaxTries)
                {
                    throw new IOException(
                        $"The hub '{settings.Endpoint}' cannot be reached: {exception.Message} Check the network and "
                        + "HF_ENDPOINT, or work with what was pulled.",
                        exception);
                }
            }

            await PauseAsync(attempt, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tells whether the same question may be answered later.</summary>
    public static bool IsTransient(HttpStatusCode status) => (int)status is 408 or 429 or >= 500;

    /// <summary>Waits before something is tried again.</summary>
    public Task PauseAsync(int attempt, CancellationToken cancellationToken)
        => Task.Delay(settings.RetryPause * Math.Pow(2, attempt - 1), cancellationToken);

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, Uri address, long start, bool leavesHub, CancellationToken cancellationToken)
    {
        for (var hop = 0; hop <= MaxRedirects; hop++)
        {
            using var request = new HttpRequestMessage(method, address);
            if (start > 0)
            {
                request.Headers.Range = new RangeHeaderValue(start, null);
            }

            if (settings.Token is not null && IsHub(address))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", settings.Token);
            }

            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)
                .ConfigureAwait(false);
            if (!IsRedirect(response.StatusCode))
            {
                return response;
            }

            var target = Target(response, address);
            if (!leavesHub && !IsHub(target))
            {
                return response;
            }

            response.Dispose();
            if (target.Scheme != Uri.UriSchemeHttps && target.Scheme != address.Scheme)
            {
                throw new IOException(
                    $"'{address.Authority}' sends to '{target.Scheme}://{target.Authority}', which is not secured. "
                    + "Nothing is read from there; set HF_ENDPOINT to another hub.");
            }

            address = target;
        }

        throw new IOException(
            $"'{settings.Endpoint.Authority}' redirects more than {MaxRedirects} times. Set HF_ENDPOINT to another "
            + "hub.");
    }

    private bool IsHub(Uri address) => Uri.Compare(
        address, settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped,
        StringComparison.OrdinalIgnoreCase) == 0;

    private static Uri Target(HttpResponseMessage response, Uri address)
        => response.Headers.Location is { } location ? new Uri(address, location) : throw new InvalidDataException(
            $"'{address.Authority}' redirects without saying where to.");

    private static bool IsRedirect(HttpStatusCode status) => (int)status is 301 or 302 or 303 or 307 or 308;

    private static string? Header(HttpResponseMessage response, string name)
        => response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    // A path becomes a file below the snapshot's folder and nothing else.
    private static string Checked(string path)
        => path.Split('/').All(part => part.Length > 0 && part != "." && part != ".."
            && part.AsSpan().IndexOfAny('\\', ':', '\0') < 0 && !part.Any(char.IsControl))
            ? path
            : throw new InvalidDataException(
                $"The hub names the file '{path}', which would lie outside the repository's folder. Nothing was "
                + "written.");
}
