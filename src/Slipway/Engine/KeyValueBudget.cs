using Slipway.Packaging;

namespace Slipway.Engine;

/// <summary>Computes how many bytes keys and values may take, and how long a sequence they allow.</summary>
internal sealed class KeyValueBudget
{
    public KeyValueBudget(ModelPackage package, DecoderGraph graph, LanguageModelOptions options)
        : this(graph.TokenBytes, package.Config.Model.ContextLength, options, FreeMemory.Bytes())
    {
    }

    private readonly long mostPrefixBytes;

    public KeyValueBudget(long tokenBytes, int packageContext, LanguageModelOptions options, long free)
    {
        Bytes = options.KeyValueCacheBytes ?? (free / 2);
        mostPrefixBytes = options.PrefixCacheBytes ?? (Bytes / 4);
        var fitting = (int)Math.Min(Bytes / tokenBytes, int.MaxValue);
        if (options.ContextLength is { } asked)
        {
            if (asked > packageContext)
            {
                throw new ArgumentException(
                    $"ContextLength is '{asked}'; the package allows at most '{packageContext}'. Set it to that or less.",
                    nameof(options));
            }

            if (asked > fitting)
            {
                throw new ArgumentException(
                    $"A context of '{asked}' tokens needs {FreeMemory.Format(asked * tokenBytes)} of KV cache; the "
                    + $"budget is {FreeMemory.Format(Bytes)} and {FreeMemory.Format(free)} are free. Set ContextLength "
                    + $"to '{fitting}' or less, or raise KeyValueCacheBytes.",
                    nameof(options));
            }
        }

        if (fitting < 1)
        {
            throw new ArgumentException(
                $"One token needs '{tokenBytes}' bytes of KV cache; the budget is '{Bytes}'. Set KeyValueCacheBytes to "
                + $"'{tokenBytes * packageContext}' for the whole context, or to a part of it.",
                nameof(options));
        }

        ContextLength = Math.Min(options.ContextLength ?? packageContext, fitting);
    }

    public long Bytes { get; }

    public int ContextLength { get; }

    /// <summary>Bytes that known prefixes may take beside rows of a size.</summary>
    public long PrefixBytes(long rowBytes) => Math.Clamp(Bytes - rowBytes, 0, mostPrefixBytes);
}
