using Slipway.Engine.Execution.Providers;

namespace Slipway;

/// <summary>Checks a model's options and tells every error in one message.</summary>
internal static class OptionsValidation
{
    public static void Validate(LanguageModelOptions options)
    {
        if (Errors(options) is { Count: > 0 } errors)
        {
            throw new ArgumentException(string.Join(" ", errors), nameof(options));
        }
    }

    private static readonly TimeSpan MaxIdleTimeout = TimeSpan.FromDays(30);

    /// <summary>Says what is wrong with the time after which an unused model is unloaded.</summary>
    public static IEnumerable<string> IdleErrors(TimeSpan? idleTimeout)
        => idleTimeout is { } idle && (idle <= TimeSpan.Zero || idle > MaxIdleTimeout)
            ? [$"IdleTimeout is '{idle}'; expected more than zero and at most '{MaxIdleTimeout}'."] : [];

    /// <summary>One sentence for each option that has no possible value.</summary>
    /// <param name="options">The options.</param>
    /// <param name="prefix">Stands before each name, where the options are part of others.</param>
    public static IReadOnlyList<string> Errors(LanguageModelOptions options, string prefix = "")
    {
        List<string> errors = [];
        Require("ContextLength", options.ContextLength, 1, int.MaxValue);
        Require("Threads", options.Threads, 1, 1024);
        Require("MaxBatchSize", options.MaxBatchSize, 1, 4096);
        Require("QueueCapacity", options.QueueCapacity, 1, 1 << 20);
        Require("KeyValueCacheBytes", options.KeyValueCacheBytes, 1, long.MaxValue);
        Require("PrefixCacheBytes", options.PrefixCacheBytes, 0, long.MaxValue);
        Require("MaxPrefillTokens", options.MaxPrefillTokens, 1, 1 << 16);
        Require("MaxMixedPrefillTokens", options.MaxMixedPrefillTokens, 1, 1 << 16);
        Require("DraftTokens", options.DraftTokens, 0, LanguageModelOptions.LongestDraft);
        Require("DraftBatchSize", options.DraftBatchSize, 0, 4096);
        errors.AddRange(ProviderChoice.Errors(options, prefix));
        if (options.TimeProvider is null)
        {
            errors.Add($"{prefix}TimeProvider is null; expected one, such as TimeProvider.System.");
        }

        return errors;

        void Require(string name, long? value, long min, long max)
        {
            if (value < min || value > max)
            {
                errors.Add(FormattableString.Invariant(
                    $"{prefix}{name} is '{value}'; expected from {min} to {max}."));
            }
        }
    }
}
