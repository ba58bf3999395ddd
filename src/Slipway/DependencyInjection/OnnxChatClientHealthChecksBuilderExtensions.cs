using Microsoft.Extensions.AI;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Slipway;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds health checks of chat clients over model packages.</summary>
public static class OnnxChatClientHealthChecksBuilderExtensions
{
    /// <summary>Adds the health check of a registered chat client.</summary>
    /// <remarks>
    /// Healthy where the model is loaded, or is not needed yet; degraded while its queue is full; unhealthy, or what
    /// <paramref name="failureStatus"/> says, where loading it failed or it is disposed. The data tell <c>model</c>,
    /// <c>loaded</c>, <c>queued</c> requests and <c>kv_bytes</c>. Nothing is loaded or asked.
    /// </remarks>
    /// <param name="builder">The health checks.</param>
    /// <param name="serviceKey">The client's key; null for the one without.</param>
    /// <param name="name">The check's name; null for <c>onnx-chat</c>, the key after it where there is one.</param>
    /// <param name="failureStatus">The status of a failure; null for unhealthy.</param>
    /// <param name="tags">Tags to filter checks by.</param>
    /// <returns>The health checks.</returns>
    /// <exception cref="InvalidOperationException">
    /// No such client is registered, or it is none of this library's (thrown by the check).
    /// </exception>
    public static IHealthChecksBuilder AddOnnxChatClient(
        this IHealthChecksBuilder builder,
        string? serviceKey = null,
        string? name = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(
            name ?? (serviceKey is null ? "onnx-chat" : $"onnx-chat-{serviceKey}"),
            services => new OnnxChatClientHealthCheck(Find(services, serviceKey)), failureStatus, tags));
    }

    /// <summary>Finds this library's client inside of a registered pipeline.</summary>
    internal static OnnxChatClient Find(IServiceProvider services, string? serviceKey)
    {
        var client = serviceKey is null
            ? services.GetRequiredService<IChatClient>() : services.GetRequiredKeyedService<IChatClient>(serviceKey);
        return client.GetService<OnnxChatClient>() ?? throw new InvalidOperationException(
            $"The chat client '{serviceKey ?? "without a key"}' is a '{client.GetType().Name}' without an "
            + $"'{nameof(OnnxChatClient)}' inside. Register it with AddOnnxChatClient.");
    }
}
