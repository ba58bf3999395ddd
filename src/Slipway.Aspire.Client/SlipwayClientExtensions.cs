using System.ClientModel;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using OpenAI;
using Slipway.Aspire.Client;

namespace Microsoft.Extensions.Hosting;

/// <summary>Registers clients of a server of packages.</summary>
public static class SlipwayClientExtensions
{
    private const string Section = "Aspire:Slipway";

    // The name of Microsoft.Extensions.AI's spans and measurements.
    private const string TelemetryName = "Experimental.Microsoft.Extensions.AI";

    private static readonly TimeSpan CheckTime = TimeSpan.FromSeconds(5);

    // A server without keys takes any, and the client of OpenAI's needs one.
    private const string AnyKey = "none";

    /// <summary>Registers an <see cref="IChatClient"/> over the server of a connection.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="connectionName">The name of a server's connection string, or of a model's.</param>
    /// <param name="configure">Sets the settings; null for those of configuration.</param>
    /// <returns>The builder of the client's pipeline.</returns>
    /// <exception cref="InvalidOperationException">An address or a model is missing or wrong.</exception>
    public static ChatClientBuilder AddSlipwayChatClient(
        this IHostApplicationBuilder builder, string connectionName, Action<SlipwayClientSettings>? configure = null)
    {
        var (settings, client) = Add(builder, connectionName, configure);
        return Traced(builder.Services.AddChatClient(_ => Chat(client, settings, connectionName)), settings);
    }

    /// <summary>Registers an <see cref="IChatClient"/> by the connection's name as its key.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="connectionName">The name of the connection string, and the key of the service.</param>
    /// <param name="configure">Sets the settings; null for those of configuration.</param>
    /// <returns>The builder of the client's pipeline.</returns>
    /// <exception cref="InvalidOperationException">An address or a model is missing or wrong.</exception>
    public static ChatClientBuilder AddKeyedSlipwayChatClient(
        this IHostApplicationBuilder builder, string connectionName, Action<SlipwayClientSettings>? configure = null)
    {
        var (settings, client) = Add(builder, connectionName, configure);
        return Traced(
            builder.Services.AddKeyedChatClient(connectionName, _ => Chat(client, settings, connectionName)), settings);
    }

    /// <summary>Registers an embedding generator over the server of a connection.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="connectionName">The name of a server's connection string, or of a model's.</param>
    /// <param name="configure">Sets the settings; null for those of configuration.</param>
    /// <returns>The builder of the generator's pipeline.</returns>
    /// <exception cref="InvalidOperationException">An address or a model is missing or wrong.</exception>
    public static EmbeddingGeneratorBuilder<string, Embedding<float>> AddSlipwayEmbeddingGenerator(
        this IHostApplicationBuilder builder, string connectionName, Action<SlipwayClientSettings>? configure = null)
    {
        var (settings, client) = Add(builder, connectionName, configure);
        var model = settings.RequireModel(connectionName);
        var generator = builder.Services.AddEmbeddingGenerator(
            _ => client.GetEmbeddingClient(model).AsIEmbeddingGenerator());
        return IsWatched(settings) ? generator.UseOpenTelemetry() : generator;
    }

    private static (SlipwayClientSettings Settings, OpenAIClient Client) Add(
        IHostApplicationBuilder builder, string connectionName, Action<SlipwayClientSettings>? configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(connectionName);
        var settings = new SlipwayClientSettings();
        var section = builder.Configuration.GetSection(Section);
        section.Bind(settings);
        section.GetSection(connectionName).Bind(settings);
        if (builder.Configuration.GetConnectionString(connectionName) is { Length: > 0 } connectionString)
        {
            settings.Read(connectionName, connectionString);
        }

        configure?.Invoke(settings);
        var endpoint = settings.RequireEndpoint(connectionName);
        _ = settings.RequireModel(connectionName);
        Watch(builder.Services, settings, connectionName, endpoint);
        return (settings, new OpenAIClient(
            new ApiKeyCredential(settings.Key is { Length: > 0 } key ? key : AnyKey),
            new OpenAIClientOptions { Endpoint = endpoint, NetworkTimeout = settings.Timeout }));
    }

    private static void Watch(
        IServiceCollection services, SlipwayClientSettings settings, string connectionName, Uri endpoint)
    {
        if (!settings.DisableTracing)
        {
            services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource(TelemetryName));
        }

        if (!settings.DisableMetrics)
        {
            services.AddOpenTelemetry().WithMetrics(metrics => metrics.AddMeter(TelemetryName));
        }

        // Several clients of one connection have one check.
        var name = $"Slipway_{connectionName}";
        services.AddHealthChecks();
        services.Configure<HealthCheckServiceOptions>(options =>
        {
            if (!settings.DisableHealthChecks && options.Registrations.All(other => other.Name != name))
            {
                var check = new ServerHealthCheck(new HttpClient(), new Uri(endpoint, "/health/ready"));
                options.Registrations.Add(new HealthCheckRegistration(name, check, null, null, CheckTime));
            }
        });
    }

    private static IChatClient Chat(OpenAIClient client, SlipwayClientSettings settings, string connectionName)
        => client.GetChatClient(settings.RequireModel(connectionName)).AsIChatClient();

    private static ChatClientBuilder Traced(ChatClientBuilder builder, SlipwayClientSettings settings)
        => IsWatched(settings) ? builder.UseOpenTelemetry() : builder;

    private static bool IsWatched(SlipwayClientSettings settings)
        => !settings.DisableTracing || !settings.DisableMetrics;
}
