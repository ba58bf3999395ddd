namespace Slipway.Cli.Hub;

/// <summary>Names a hub, the folder of its files, and what may be asked of it.</summary>
/// <param name="Endpoint">The hub's address, ending in a slash.</param>
/// <param name="CacheFolder">The folder of all repositories.</param>
/// <param name="Token">The token that is sent to the hub and to no other host; null for none.</param>
/// <param name="Offline">True to ask no hub.</param>
internal sealed record HubSettings(Uri Endpoint, string CacheFolder, string? Token, bool Offline)
{
    private const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>The first pause before something is tried again; each next one is twice as long.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>The longest time without a byte of a download.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Reads the variables that Hugging Face's own client reads.</summary>
    /// <param name="variable">Gives a variable of the environment.</param>
    /// <exception cref="UsageException"><c>HF_ENDPOINT</c> is no address.</exception>
    public static HubSettings FromEnvironment(Func<string, string?> variable)
    {
        var endpoint = NonEmpty(variable("HF_ENDPOINT")) ?? DefaultEndpoint;
        if (!Uri.TryCreate($"{endpoint.TrimEnd('/')}/", UriKind.Absolute, out var address)
            || (address.Scheme != Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttp))
        {
            throw new UsageException($"HF_ENDPOINT is '{endpoint}'; expected an address, such as '{DefaultEndpoint}'.");
        }

        var home = NonEmpty(variable("HF_HOME")) ?? Path.Combine(
            NonEmpty(variable("XDG_CACHE_HOME")) ?? Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "huggingface");
        return new HubSettings(
            address,
            Path.GetFullPath(NonEmpty(variable("HF_HUB_CACHE")) ?? Path.Combine(home, "hub")),
            NonEmpty(variable("HF_TOKEN")) ?? NonEmpty(variable("HUGGING_FACE_HUB_TOKEN"))
                ?? Saved(NonEmpty(variable("HF_TOKEN_PATH")) ?? Path.Combine(home, "token")),
            NonEmpty(variable("HF_HUB_OFFLINE"))?.ToUpperInvariant() is "1" or "TRUE" or "YES" or "ON");
    }

    // What a login of Hugging Face's own client has left.
    private static string? Saved(string path) => File.Exists(path) ? NonEmpty(File.ReadAllText(path)) : null;

    private static string? NonEmpty(string? value) => string.IsNullOrWhiteSpace(value) ? null : value.Trim();
}
