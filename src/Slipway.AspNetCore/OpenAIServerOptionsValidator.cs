using Microsoft.Extensions.Options;

namespace Slipway.AspNetCore;

/// <summary>Checks the server's options when the host starts.</summary>
internal sealed class OpenAIServerOptionsValidator : IValidateOptions<OpenAIServerOptions>
{
    public ValidateOptionsResult Validate(string? name, OpenAIServerOptions options)
    {
        List<string> errors = [];
        if (options.ApiKeys.Any(string.IsNullOrWhiteSpace))
        {
            errors.Add("ApiKeys holds an empty key; leave it out.");
        }

        Check(options.RequestsPerMinute is null or > 0, $"RequestsPerMinute is '{options.RequestsPerMinute}'");
        Check(options.ConcurrentRequests is null or > 0, $"ConcurrentRequests is '{options.ConcurrentRequests}'");
        Check(options.MaxStoredResponses > 0, $"MaxStoredResponses is '{options.MaxStoredResponses}'");
        Check(options.MaxRequestBytes > 0, $"MaxRequestBytes is '{options.MaxRequestBytes}'");
        Check(IsTime(options.RequestTimeout), $"RequestTimeout is '{options.RequestTimeout}'");
        Check(IsTime(options.SendTimeout), $"SendTimeout is '{options.SendTimeout}'");
        return errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(errors);

        static bool IsTime(TimeSpan? time)
            => time is not { } given || (given > TimeSpan.Zero && given < TimeSpan.FromDays(40));

        void Check(bool isValid, string words)
        {
            if (!isValid)
            {
                errors.Add($"{words}; expected more than zero, or null for no limit.");
            }
        }
    }
}
