using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Slipway.Aspire.Client;

/// <summary>Asks the server whether it takes requests.</summary>
/// <param name="http">Sends the question.</param>
/// <param name="address">The address that tells by its status.</param>
internal sealed class ServerHealthCheck(HttpClient http, Uri address) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            using var response = await http.GetAsync(address, cancellationToken).ConfigureAwait(false);
            return response.IsSuccessStatusCode
                ? HealthCheckResult.Healthy()
                : Unhealthy(context, $"'{address}' answers with status {(int)response.StatusCode}.", null);
        }
        catch (HttpRequestException exception)
        {
            return Unhealthy(context, $"'{address}' cannot be reached.", exception);
        }
    }

    private static HealthCheckResult Unhealthy(HealthCheckContext context, string words, Exception? exception)
        => new(context.Registration.FailureStatus, words, exception);
}
