using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Slipway;

/// <summary>Tells whether a chat client can answer, without asking it anything.</summary>
/// <param name="client">The client.</param>
internal sealed class OnnxChatClientHealthCheck(OnnxChatClient client) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Task.FromResult(client.Health(context.Registration.FailureStatus));
    }
}
