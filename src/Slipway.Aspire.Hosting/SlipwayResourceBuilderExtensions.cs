using Aspire.Hosting.ApplicationModel;
using Slipway.Aspire.Hosting;

namespace Aspire.Hosting;

/// <summary>Adds servers of packages, and their models, to an application.</summary>
public static class SlipwayResourceBuilderExtensions
{
    // As the configuration of 'slipway serve' has it.
    private const string KeyVariable = "SLIPWAY_Server__ApiKeys__0";

    /// <summary>Adds a server of packages; models are added to what comes back.</summary>
    /// <remarks>
    /// Runs the tool <c>slipway</c>, which must be installed (<c>dotnet tool install -g Slipway.Cli</c>) or named by
    /// its path. It listens on the loopback address, is well when <c>/health/ready</c> says so, and has the dashboard's
    /// address for its telemetry. Flags of <c>slipway serve</c> are added by <c>WithArgs</c>.
    /// </remarks>
    /// <param name="builder">The application.</param>
    /// <param name="name">The name of the resource and of its connection string.</param>
    /// <param name="port">The port that others use; null for a free one.</param>
    /// <param name="command">The tool's name or path.</param>
    /// <exception cref="ArgumentException">The name or the command is empty.</exception>
    public static IResourceBuilder<SlipwayResource> AddSlipway(
        this IDistributedApplicationBuilder builder, [ResourceName] string name, int? port = null,
        string command = "slipway")
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(command);
        var resource = new SlipwayResource(name, command, builder.AppHostDirectory);
        return builder.AddResource(resource)
            .WithHttpEndpoint(port, name: SlipwayResource.EndpointName)
            .WithHttpHealthCheck("/health/ready", endpointName: SlipwayResource.EndpointName)
            .WithOtlpExporter()
            .WithArgs(context => AddArguments(context, resource))
            .WithEnvironment(context =>
            {
                if (resource.Key is { } key)
                {
                    context.EnvironmentVariables[KeyVariable] = key;
                }
            });
    }

    /// <summary>Adds a package that the server serves.</summary>
    /// <param name="builder">The server.</param>
    /// <param name="name">The name of the resource, and of its connection string.</param>
    /// <param name="packagePath">The package folder; a relative one is under the application host's folder.</param>
    /// <param name="model">The name that requests use; null for the resource's.</param>
    /// <exception cref="ArgumentException">
    /// A name or the path is empty, or the server has a model of that name.
    /// </exception>
    public static IResourceBuilder<SlipwayModelResource> AddModel(
        this IResourceBuilder<SlipwayResource> builder, [ResourceName] string name, string packagePath,
        string? model = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(packagePath);
        model ??= name;
        if (model.AsSpan().IndexOfAny("=;") >= 0 || string.IsNullOrWhiteSpace(model))
        {
            throw new ArgumentException(
                $"'{model}' is no model's name; expected one without '=' and ';'.", nameof(model));
        }

        if (builder.Resource.Models.Any(other => other.Model == model))
        {
            throw new ArgumentException(
                $"The server '{builder.Resource.Name}' has a model '{model}'. Give one of them another name.",
                nameof(model));
        }

        var path = Path.GetFullPath(packagePath, builder.ApplicationBuilder.AppHostDirectory);
        var resource = new SlipwayModelResource(name, model, path, builder.Resource);
        builder.Resource.Add(resource);
        return builder.ApplicationBuilder.AddResource(resource).WithParentRelationship(builder);
    }

    /// <summary>Makes the server ask for a key, which those that refer to it or its models get.</summary>
    /// <param name="builder">The server.</param>
    /// <param name="key">The key, a secret parameter.</param>
    /// <exception cref="ArgumentException">The parameter is not secret.</exception>
    public static IResourceBuilder<SlipwayResource> WithApiKey(
        this IResourceBuilder<SlipwayResource> builder, IResourceBuilder<ParameterResource> key)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(key);
        if (!key.Resource.Secret)
        {
            throw new ArgumentException(
                $"The parameter '{key.Resource.Name}' is not secret. Add it with 'secret: true'.", nameof(key));
        }

        builder.Resource.Key = key.Resource;
        return builder;
    }

    private static void AddArguments(CommandLineArgsCallbackContext context, SlipwayResource resource)
    {
        context.Args.Add("serve");
        foreach (var model in resource.Models)
        {
            context.Args.Add($"{model.Model}={model.PackagePath}");
        }

        context.Args.Add("--port");
        context.Args.Add(resource.Endpoint.Property(EndpointProperty.TargetPort));
    }
}
