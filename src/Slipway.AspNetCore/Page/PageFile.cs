using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Slipway.AspNetCore.Page;

/// <summary>Holds a file of the page and writes it.</summary>
internal sealed class PageFile
{
    private const string Folder = "Page/", Index = "index.html", ApiPlaceholder = "{api}";

    // Nothing is loaded but the page's own files, nothing is framed, sent by forms or run from texts.
    private const string SecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        + "trusted-types 'none'";

    private readonly byte[] _bytes;
    private readonly string _type;
    private readonly EntityTagHeaderValue _tag;

    private PageFile(string name, byte[] bytes)
    {
        Path = name == Index ? "" : name;
        _bytes = bytes;
        _type = TypeOf(name);
        _tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 16))}\"");
    }

    /// <summary>The path below the page's folder; the page itself has none.</summary>
    public string Path { get; }

    /// <summary>Reads all files of the page from this assembly.</summary>
    /// <param name="api">The path from the page to the API.</param>
    public static IReadOnlyList<PageFile> All(string api)
    {
        var assembly = typeof(PageFile).Assembly;
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .Select(name => new PageFile(name[Folder.Length..], Read(name)))];

        byte[] Read(string name)
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            using var reader = new StreamReader(stream);
            var text = reader.ReadToEnd();
            return Encoding.UTF8.GetBytes(
                name == Folder + Index ? text.Replace(ApiPlaceholder, api, StringComparison.Ordinal) : text);
        }
    }

    /// <summary>Writes the file, or that the browser's copy is the same.</summary>
    public Task WriteAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        if (Path.Length == 0 && !path.EndsWith('/'))
        {
            // The page names its files from its own folder.
            return TypedResults.LocalRedirect($"~{path}/").ExecuteAsync(http);
        }

        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = SecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";

        // Kept, and asked for anew: a server of another version has other files under the same names.
        headers.CacheControl = "no-cache";
        return TypedResults.Bytes(_bytes, _type, entityTag: _tag).ExecuteAsync(http);
    }

    private static string TypeOf(string name) => System.IO.Path.GetExtension(name) switch
    {
        ".html" => "text/html; charset=utf-8",
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        var other => throw new NotSupportedException($"The page has no files of the kind '{other}'."),
    };
}
