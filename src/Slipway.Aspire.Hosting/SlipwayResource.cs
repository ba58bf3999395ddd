using Aspire.Hosting.ApplicationModel;

namespace Slipway.Aspire.Hosting;

/// <summary>Represents a server of packages: the tool <c>slipway serve</c> as a process of the application.</summary>
/// <remarks>
/// Its connection string is <c>Endpoint=http://HOST:PORT/v1;Key=KEY;Model=NAME</c>, without a key where none is set;
/// the model is the first that was added.
/// </remarks>
/// <param name="name">The resource's name.</param>
/// <param name="command">The tool's name or path.</param>
/// <param name="workingDirectory">The folder that the process begins in.</param>
public sealed class SlipwayResource(string name, string command, string workingDirectory)
    : ExecutableResource(name, command, workingDirectory), IResourceWithConnectionString
{
    internal const string EndpointName = "http";

    private readonly List<SlipwayModelResource> _models = [];

    /// <summary>The endpoint that the server listens at.</summary>
    public EndpointReference Endpoint => new(this, EndpointName);

    /// <summary>The key that requests must carry; null for none.</summary>
    public ParameterResource? Key { get; internal set; }

    /// <summary>The models, in the order in which they were added.</summary>
    public IReadOnlyList<SlipwayModelResource> Models => _models;

    /// <summary>The connection string.</summary>
    public ReferenceExpression ConnectionStringExpression => ConnectionString(_models.FirstOrDefault()?.Model);

    internal void Add(SlipwayModelResource model) => _models.Add(model);

    internal ReferenceExpression ConnectionString(string? model)
    {
        var text = new ReferenceExpressionBuilder();
        text.Append($"Endpoint={Endpoint.Property(EndpointProperty.Url)}/v1");
        if (Key is not null)
        {
            text.Append($";Key={Key}");
        }

        if (model is not null)
        {
            text.AppendLiteral($";Model={model}");
        }

        return text.Build();
    }
}
