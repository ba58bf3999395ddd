using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Limits how many requests of a key come a minute and run at the same time.</summary>
internal sealed class RequestLimits(IOptions<OpenAIServerOptions> options) : IDisposable
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private readonly PartitionedRateLimiter<string>[] _limiters = [.. Limiters(options.Value)];

    /// <summary>Takes a place that is given back by disposing of it.</summary>
    /// <exception cref="OpenAIException">There is none.</exception>
    public IDisposable Acquire(string key)
    {
        var taken = new Places();
        foreach (var limiter in _limiters)
        {
            var lease = limiter.AttemptAcquire(key);
            if (!lease.IsAcquired)
            {
                var after = lease.TryGetMetadata(MetadataName.RetryAfter, out var time)
                    ? time : TimeSpan.FromSeconds(1);
                lease.Dispose();
                taken.Dispose();
                throw new OpenAIException(
                    429, "There are more requests than this key may send. Send them more slowly.",
                    code: "rate_limit_exceeded")
                {
                    RetryAfter = (int)Math.Max(1, Math.Ceiling(after.TotalSeconds)),
                };
            }

            taken.Add(lease);
        }

        return taken;
    }

    public void Dispose() => Array.ForEach(_limiters, limiter => limiter.Dispose());

    private static IEnumerable<PartitionedRateLimiter<string>> Limiters(OpenAIServerOptions options)
    {
        // What runs comes first: a request that is refused for it does not count for the minute.
        if (options.ConcurrentRequests is { } concurrent)
        {
            yield return PartitionedRateLimiter.Create<string, string>(
                key => RateLimitPartition.GetConcurrencyLimiter(
                    key, _ => new() { PermitLimit = concurrent, QueueLimit = 0 }));
        }

        if (options.RequestsPerMinute is { } perMinute)
        {
            yield return PartitionedRateLimiter.Create<string, string>(
                key => RateLimitPartition.GetFixedWindowLimiter(
                    key, _ => new() { PermitLimit = perMinute, Window = Minute, QueueLimit = 0 }));
        }
    }

    private sealed class Places : IDisposable
    {
        private readonly List<IDisposable> _leases = [];

        public void Add(IDisposable lease) => _leases.Add(lease);

        public void Dispose() => _leases.ForEach(lease => lease.Dispose());
    }
}
