using Aspire.Hosting.ApplicationModel;

namespace Slipway.Aspire.Hosting;

/// <summary>Represents a model of a server; its connection string is the server's with this model.</summary>
/// <param name="name">The resource's name, by which the application refers to the model.</param>
/// <param name="model">The name that requests use.</param>
/// <param name="packagePath">The package folder.</param>
/// <param name="parent">The server.</param>
public sealed class SlipwayModelResource(string name, string model, string packagePath, SlipwayResource parent)
    : Resource(name), IResourceWithParent<SlipwayResource>, IResourceWithConnectionString
{
    /// <summary>The server.</summary>
    public SlipwayResource Parent { get; } = parent;

    /// <summary>The name that requests use.</summary>
    public string Model { get; } = model;

    /// <summary>The package folder.</summary>
    public string PackagePath { get; } = packagePath;

    /// <summary>The connection string.</summary>
    public ReferenceExpression ConnectionStringExpression => Parent.ConnectionString(Model);
}
