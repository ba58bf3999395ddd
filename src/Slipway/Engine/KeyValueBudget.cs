using Slipway.Packaging;

namespace Slipway.Engine;

/// <summary>Computes how many bytes keys and values may take, and how long a sequence they allow.</summary>
internal sealed class KeyValueBudget
{
    public KeyValueBudget(
        ModelPackage package, DecoderGraph graph, LanguageModelOptions options, long draftTokenBytes = 0)
        : this(
            graph.TokenBytes, package.Config.Model.ContextLength, options, FreeMemory.Bytes(), graph.RowBytes,
            draftTokenBytes)
    {
    }

    private readonly long mostPrefixBytes;

    /// <param name="tokenBytes">Bytes of keys and values of a token.</param>
    /// <param name="packageContext">The longest sequence that the package allows.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="free">Free memory.</param>
    /// <param name="rowBytes">Bytes that a sequence needs whatever its length.</param>
    /// <param name="draftTokenBytes">Bytes of a token of a smaller model that shares the budget; 0 for none.</param>
    public KeyValueBudget(
        long tokenBytes, int packageContext, LanguageModelOptions options, long free, long rowBytes = 0,
        long draftTokenBytes = 0)
    {
        var both = options.KeyValueCacheBytes ?? (free / 2);
        DraftBytes = draftTokenBytes == 0 ? 0 : (long)(both * (draftTokenBytes / (double)(tokenBytes + draftTokenBytes)));
        Bytes = both - DraftBytes;

        // A state that does not grow is that of the last token: it cannot be cut back to an earlier one's.
        mostPrefixBytes = rowBytes > 0 ? 0 : options.PrefixCacheBytes ?? (Bytes / 4);
        var fitting = (int)Math.Clamp((Bytes - rowBytes) / Math.Max(tokenBytes, 1), 0, int.MaxValue);
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
                    $"A context of '{asked}' tokens needs {FreeMemory.Format((asked * tokenBytes) + rowBytes)} of KV "
                    + $"cache; the budget is {FreeMemory.Format(Bytes)} and {FreeMemory.Format(free)} are free. Set ContextLength "
                    + $"to '{fitting}' or less, or raise KeyValueCacheBytes.",
                    nameof(options));
            }
        }

        if (fitting < 1)
        {
            throw new ArgumentException(
                $"One token needs '{tokenBytes + rowBytes}' bytes of KV cache; the budget is '{Bytes}'. Set "
                + $"KeyValueCacheBytes to '{(tokenBytes * packageContext) + rowBytes}' for the whole context, or to a "
                + "part of it.",
                nameof(options));
        }

        ContextLength = Math.Min(options.ContextLength ?? packageContext, fitting);
    }

    public long Bytes { get; }

    /// <summary>What the smaller model has of the budget: as much as it needs for as many tokens.</summary>
    public long DraftBytes { get; }

    public int ContextLength { get; }

    /// <summary>Bytes that known prefixes may take beside rows of a size.</summary>
    public long PrefixBytes(long rowBytes) => Math.Clamp(Bytes - rowBytes, 0, mostPrefixBytes);
}
