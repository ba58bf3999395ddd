using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Tells whether a request carries a key of the server's.</summary>
/// <remarks>Hashes are compared, and all of them, so that the time tells nothing of a key.</remarks>
internal sealed class ApiKeys(IOptions<OpenAIServerOptions> options)
{
    private const string Scheme = "Bearer ";
    private readonly byte[][] _hashes = [.. options.Value.ApiKeys.Select(Hash)];

    /// <summary>Gives what tells the key apart from others, and not the key; a constant where there are none.</summary>
    /// <exception cref="OpenAIException">The request carries no key, or another one.</exception>
    public string Check(HttpRequest request)
    {
        if (_hashes.Length == 0)
        {
            return "";
        }

        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw new OpenAIException(
                401, "The request carries no key. Send it in the header 'Authorization: Bearer KEY'.",
                code: "missing_api_key");
        }

        var given = Hash(header[Scheme.Length..].Trim());
        var found = -1;
        for (var i = 0; i < _hashes.Length; i++)
        {
            found = CryptographicOperations.FixedTimeEquals(given, _hashes[i]) ? i : found;
        }

        return found >= 0
            ? found.ToString(System.Globalization.CultureInfo.InvariantCulture)
            : throw new OpenAIException(401, "The key is none of this server's.", code: "invalid_api_key");
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
