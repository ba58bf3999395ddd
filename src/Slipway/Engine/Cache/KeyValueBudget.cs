using Slipway.Engine.Execution;
using Slipway.Packaging;

namespace Slipway.Engine.Cache;

/// <summary>Computes how many bytes keys and values may take, and how long a sequence they allow.</summary>
internal sealed class KeyValueBudget
{
    public KeyValueBudget(
        ModelPackage package, DecoderGraph graph, LanguageModelOptions options, SequenceSize draft = default)
        : this(graph.Size, package.Config.Model.ContextLength, options, FreeMemory.Bytes(), draft)
    {
    }

    private readonly long _maxPrefixBytes;

    /// <param name="size">What a sequence takes.</param>
    /// <param name="packageContext">The longest sequence that the package allows.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="free">Free memory.</param>
    /// <param name="draft">What a sequence takes of a smaller model that shares the budget; nothing for none.</param>
    public KeyValueBudget(
        SequenceSize size, int packageContext, LanguageModelOptions options, long free, SequenceSize draft = default)
    {
        var both = options.KeyValueCacheBytes ?? (free / 2);
        double own = size.BytesFor(packageContext), other = draft.BytesFor(packageContext);
        DraftBytes = (long)(both * (other / Math.Max(own + other, 1)));
        Bytes = both - DraftBytes;

        // A state that does not grow is that of the last token: it cannot be cut back to an earlier one's.
        _maxPrefixBytes = size.StateBytes > 0 ? 0 : options.PrefixCacheBytes ?? (Bytes / 4);
        var fitting = size.Fitting(Bytes);
        if (options.ContextLength is { } asked)
        {
            if (asked > packageContext)
            {
                throw new ArgumentException(
                    $"ContextLength is '{asked}'; the package allows at most '{packageContext}'. Set it to that or "
                    + "less.",
                    nameof(options));
            }

            if (asked > fitting)
            {
                throw new ArgumentException(
                    $"A context of '{asked}' tokens needs {FreeMemory.Format(size.BytesFor(asked))} of KV "
                    + $"cache; the budget is {FreeMemory.Format(Bytes)} and {FreeMemory.Format(free)} are free. Set "
                    + $"ContextLength to '{fitting}' or less, or raise KeyValueCacheBytes "
                    + "('--kv-cache-bytes' on the command line).",
                    nameof(options));
            }
        }

        if (fitting < 1)
        {
            throw new ArgumentException(
                $"One token needs '{size.BytesFor(1)}' bytes of KV cache; the budget is '{Bytes}'. Set "
                + $"KeyValueCacheBytes ('--kv-cache-bytes' on the command line) to '{size.BytesFor(packageContext)}' "
                + "for the whole context, or to a part of it.",
                nameof(options));
        }

        ContextLength = Math.Min(options.ContextLength ?? packageContext, fitting);
    }

    public long Bytes { get; }

    /// <summary>Share of the budget that the smaller model has: as much as it needs for as many tokens.</summary>
    public long DraftBytes { get; }

    public int ContextLength { get; }

    /// <summary>Bytes that known prefixes may take beside slots of a size.</summary>
    public long PrefixBytes(long rowBytes) => Math.Clamp(Bytes - rowBytes, 0, _maxPrefixBytes);
}
