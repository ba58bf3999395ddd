using Microsoft.Extensions.Options;

namespace Slipway.Gateway;

/// <summary>Checks the gateway's options when they are mapped and when they change.</summary>
internal sealed class ModelGatewayOptionsValidator : IValidateOptions<ModelGatewayOptions>
{
    public ValidateOptionsResult Validate(string? name, ModelGatewayOptions options)
    {
        List<string> errors = [];
        Check(options.Replicas.Count > 0, "Replicas is empty; expected the address of at least one.");
        foreach (var replica in options.Replicas.Where(replica => !IsAddress(replica)))
        {
            errors.Add($"'{replica}' in Replicas is no address; expected one such as 'http://10.0.0.1:8080'.");
        }

        foreach (var twice in options.Replicas
            .GroupBy(replica => replica?.TrimEnd('/'), StringComparer.OrdinalIgnoreCase)
            .Where(group => group.Count() > 1))
        {
            errors.Add($"'{twice.Key}' stands in Replicas twice; leave one out.");
        }

        Check(
            options.MaxLoadDifference >= 0, $"MaxLoadDifference is '{options.MaxLoadDifference}'; expected 0 or more.");
        Check(
            options.HealthPath.StartsWith('/'), $"HealthPath is '{options.HealthPath}'; expected a path such as "
            + "'/health/ready'.");
        Check(
            options.HealthInterval > TimeSpan.Zero,
            $"HealthInterval is '{options.HealthInterval}'; expected more than zero.");
        Check(
            options.ActivityTimeout > TimeSpan.Zero,
            $"ActivityTimeout is '{options.ActivityTimeout}'; expected more than zero.");
        Check(
            options.MaxRequestBytes > 0, $"MaxRequestBytes is '{options.MaxRequestBytes}'; expected more than zero.");
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);

        void Check(bool isValid, string error)
        {
            if (!isValid)
            {
                errors.Add(error);
            }
        }
    }

    private static bool IsAddress(string replica) => Uri.TryCreate(replica, UriKind.Absolute, out var address)
        && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps);
}
