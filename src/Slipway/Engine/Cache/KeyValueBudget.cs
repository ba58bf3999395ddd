using Slipway.Engine.Execution;
using Slipway.Packaging;
using Slipway.Speculation;

namespace Slipway.Engine.Cache;

/// <summary>Computes how many bytes keys and values may take, and how long a sequence they allow.</summary>
internal sealed class KeyValueBudget : IDisposable
{
    private readonly long _maxPrefixBytes;
    private readonly long _sequenceBytes;
    private readonly MemoryShare? _share;
    private long _adapterBytes;

    public KeyValueBudget(
        ModelPackage package, OpenedDecoder opened, LanguageModelOptions options, DraftPackage? draft = null)
        : this(
            opened.Size, package.Config.Model.ContextLength,
            opened.CopiesTokens ? options : options with { PrefixCacheBytes = 0 },
            FreeMemory.Bytes(), draft?.Size ?? default,
            WeightFiles.BytesOf(opened.Path) + (draft is null ? 0 : WeightFiles.BytesOf(draft.GraphPath)))
    {
    }

    /// <param name="size">What a sequence takes.</param>
    /// <param name="packageContext">The longest sequence that the package allows.</param>
    /// <param name="options">What was asked for.</param>
    /// <param name="free">Free memory.</param>
    /// <param name="draft">What a sequence takes of a smaller model that shares the budget; nothing for none.</param>
    /// <param name="weightBytes">Bytes of the weights.</param>
    /// <exception cref="MemoryBudgetException">There is no room for the weights.</exception>
    public KeyValueBudget(
        SequenceSize size, int packageContext, LanguageModelOptions options, long free, SequenceSize draft = default,
        long weightBytes = 0)
    {
        var shared = options.MemoryBudget ?? (options.KeyValueCacheBytes is null ? MemoryBudget.OfProcess : null);
        _share = shared?.Join(free, weightBytes);
        try
        {
            var both = Math.Min(options.KeyValueCacheBytes ?? long.MaxValue, _share?.Max ?? long.MaxValue);
            double own = size.BytesFor(packageContext), other = draft.BytesFor(packageContext);
            DraftBytes = (long)(both * (other / Math.Max(own + other, 1)));
            Bytes = both - DraftBytes;
            ContextLength = Context(size, packageContext, options, free);
            _share?.Limit(both);
        }
        catch
        {
            _share?.Dispose();
            throw;
        }

        // A state that does not grow is that of the last token: it cannot be cut back to an earlier one's.
        _maxPrefixBytes = size.StateBytes > 0 ? 0 : options.PrefixCacheBytes ?? (Bytes / 4);
        _sequenceBytes = size.BytesFor(ContextLength);
    }

    /// <summary>The most bytes that slots and prefixes may ever take together.</summary>
    public long Bytes { get; }

    /// <summary>Bytes that slots and prefixes may take while other models hold what they do.</summary>
    public long Room
        => (_share is null ? Bytes : Math.Min(Bytes, _share.Room - _share.DraftBytes)) - _adapterBytes;

    /// <summary>Bytes that slots may take when all other sequences, other models' too, have ended.</summary>
    public long Attainable => Math.Min(Bytes, _share?.Attainable ?? Bytes) - _adapterBytes;

    /// <summary>Ends when other models want what this one holds without need; never where none could.</summary>
    public Task? Asked => _share?.Asked;

    /// <summary>Share of the budget that the smaller model has: as much as it needs for as many tokens.</summary>
    public long DraftBytes { get; }

    public int ContextLength { get; }

    /// <summary>Bytes that known prefixes may take beside slots of a size.</summary>
    public long PrefixBytes(long rowBytes) => Math.Clamp(Room - rowBytes, 0, _maxPrefixBytes);

    /// <summary>Lets slots take other bytes than before; false where other models leave no room.</summary>
    public bool TryHoldSlots(long bytes) => _share?.TryHoldSlots(bytes) ?? true;

    /// <summary>Lets prefixes take other bytes than before; false where other models leave no room.</summary>
    public bool TryHoldPrefixes(long bytes) => _share?.TryHoldPrefixes(bytes) ?? true;

    /// <summary>
    /// Lets added adapters take other bytes than before; a sequence of the whole context must still fit.
    /// </summary>
    /// <exception cref="MemoryBudgetException">It would not, whatever sequences end.</exception>
    /// <returns>Whether there is room now.</returns>
    public bool TryHoldAdapters(long bytes)
    {
        var left = Attainable + _adapterBytes - bytes;
        if (bytes > _adapterBytes && left < _sequenceBytes)
        {
            throw new MemoryBudgetException(
                $"With it adapters take '{bytes}' bytes, which leaves '{Math.Max(left, 0)}' to keys and values; a "
                + $"sequence of '{ContextLength}' tokens takes '{_sequenceBytes}'. Remove another adapter, set a "
                + "shorter ContextLength, or raise the budget.");
        }

        if (_share?.TryHoldAdapters(bytes) == false)
        {
            return false;
        }

        _adapterBytes = bytes;
        return true;
    }

    /// <summary>Lets the smaller model take other bytes than before; false where other models leave no
    /// room.</summary>
    public bool TryHoldDraft(long bytes) => _share?.TryHoldDraft(bytes) ?? true;

    /// <summary>Asks other models for what they hold without need.</summary>
    public void AskOthers() => _share?.AskOthers();

    /// <summary>Takes note that what other models asked for was given back.</summary>
    public void Answer() => _share?.Answer();

    /// <summary>Leaves the budget to the other models.</summary>
    public void Dispose() => _share?.Dispose();

    private int Context(SequenceSize size, int packageContext, LanguageModelOptions options, long free)
    {
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

        return fitting >= 1 ? Math.Min(options.ContextLength ?? packageContext, fitting) : throw new ArgumentException(
            $"One token needs '{size.BytesFor(1)}' bytes of KV cache; the budget is '{Bytes}'. Set "
            + $"KeyValueCacheBytes ('--kv-cache-bytes' on the command line) to '{size.BytesFor(packageContext)}' "
            + "for the whole context, or to a part of it.",
            nameof(options));
    }
}
