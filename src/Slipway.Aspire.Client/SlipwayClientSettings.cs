using System.Data.Common;

namespace Slipway.Aspire.Client;

/// <summary>Says where a server of packages is and what watches its client.</summary>
/// <remarks>
/// Read from the sections <c>Aspire:Slipway</c> and <c>Aspire:Slipway:NAME</c>, then from the connection string
/// <c>Endpoint=URL;Key=KEY;Model=NAME</c> (or the URL alone), then set by code.
/// </remarks>
public sealed class SlipwayClientSettings
{
    /// <summary>The address of the API, such as <c>http://localhost:8080/v1</c>; <c>/v1</c> may be left out.</summary>
    public Uri? Endpoint { get; set; }

    /// <summary>The key that requests carry; null for none.</summary>
    public string? Key { get; set; }

    /// <summary>The model's name.</summary>
    public string? Model { get; set; }

    /// <summary>The longest time of one try of a request.</summary>
    /// <value>10 minutes, as the server's own</value>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Tells whether no health check is registered.</summary>
    public bool DisableHealthChecks { get; set; }

    /// <summary>Tells whether no spans are recorded.</summary>
    public bool DisableTracing { get; set; }

    /// <summary>Tells whether nothing is measured.</summary>
    public bool DisableMetrics { get; set; }

    internal void Read(string connectionName, string connectionString)
    {
        if (Uri.TryCreate(connectionString, UriKind.Absolute, out var address) && IsHttp(address))
        {
            Endpoint = address;
            return;
        }

        DbConnectionStringBuilder parts;
        try
        {
            parts = new() { ConnectionString = connectionString };
        }
        catch (ArgumentException exception)
        {
            throw Wrong(exception);
        }

        Endpoint = Part("Endpoint") is { } text
            ? Uri.TryCreate(text, UriKind.Absolute, out var endpoint) && IsHttp(endpoint) ? endpoint : throw Wrong(null)
            : Endpoint;
        Key = Part("Key") ?? Key;
        Model = Part("Model") ?? Model;

        string? Part(string name) => parts.TryGetValue(name, out var value) && value is string { Length: > 0 } part
            ? part : null;

        // The text may hold a key and is not told.
        InvalidOperationException Wrong(Exception? inner) => new(
            $"The connection string '{connectionName}' is none of a server of packages; expected 'Endpoint=URL;Key=KEY;"
            + "Model=NAME' or a URL.", inner);
    }

    internal Uri RequireEndpoint(string connectionName)
    {
        var endpoint = Endpoint ?? throw new InvalidOperationException(
            $"There is no address of the server. Add the connection string '{connectionName}', or set 'Endpoint' in "
            + $"the section 'Aspire:Slipway:{connectionName}'.");
        return endpoint.AbsolutePath == "/" ? new Uri(endpoint, "v1") : endpoint;
    }

    internal string RequireModel(string connectionName) => Model ?? throw new InvalidOperationException(
        $"There is no name of a model. Add 'Model=NAME' to the connection string '{connectionName}', or set 'Model' in "
        + $"the section 'Aspire:Slipway:{connectionName}'.");

    private static bool IsHttp(Uri address)
        => address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps;
}
