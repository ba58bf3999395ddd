using Slipway.Engine.Cache;
using Slipway.Loading;

namespace Slipway;

/// <summary>Bounds the bytes that several models take together.</summary>
/// <remarks>
/// Thread-safe. Keys and values of sequences count, adapters that were added to running models, and weights where
/// <see cref="IncludesWeights"/> says so. A model takes what its sequences need. Where others leave too little, they
/// are asked for what they keep for later requests (prefixes, slots that no sequence uses), and requests wait until
/// others have ended; one for which weights and adapters leave no room at all fails. A model whose company needs
/// nothing may take all that it could take alone.
/// </remarks>
public sealed class MemoryBudget
{
    private readonly Lock _gate = new();
    private readonly List<MemoryShare> _shares = [];
    private readonly List<IUnloadable> _unloadable = [];
    private readonly long? _given;
    private long _bytes;

    /// <summary>Creates a budget of models whose options name it.</summary>
    /// <param name="bytes">The maximum of bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public MemoryBudget(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        _given = _bytes = bytes;
    }

    private MemoryBudget()
    {
    }

    /// <summary>
    /// Tells whether the files of weights count too; a model that no request uses is then unloaded where another one
    /// needs its room.
    /// </summary>
    /// <value>false: only keys, values and added adapters count.</value>
    /// <remarks>
    /// Models are unloaded that a client, generator, reranker or classifier loaded itself, the least recently used one
    /// first. Where none can be, loading fails with <see cref="MemoryBudgetException"/>.
    /// </remarks>
    public bool IncludesWeights { get; init; }

    /// <summary>The maximum of bytes.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes;
            }
        }
    }

    /// <summary>Bytes that models hold now.</summary>
    public long UsedBytes
    {
        get
        {
            lock (_gate)
            {
                return Used();
            }
        }
    }

    /// <summary>The budget of all models of the process that have none of their own: half of the free memory.</summary>
    /// <remarks>Measured when a model is loaded; what models hold already counts as free.</remarks>
    internal static MemoryBudget OfProcess { get; } = new();

    /// <summary>Adds a model that is being loaded.</summary>
    /// <param name="free">Free memory.</param>
    /// <param name="weightBytes">Bytes of its weights.</param>
    /// <exception cref="MemoryBudgetException">There is no room for the weights.</exception>
    internal MemoryShare Join(long free, long weightBytes)
    {
        lock (_gate)
        {
            _bytes = _given ?? ((free + Used()) / 2);
            var room = _bytes;
            if (IncludesWeights && (room -= weightBytes + _shares.Sum(other => other.FixedBytes)) <= 0)
            {
                throw new MemoryBudgetException(
                    $"The weights take {FreeMemory.Format(weightBytes)} and other models "
                    + $"{FreeMemory.Format(_shares.Sum(other => other.FixedBytes))} of the budget of "
                    + $"{FreeMemory.Format(_bytes)}, so there is no room for keys and values. Wait until others are "
                    + "unused, load fewer models, or raise MemoryBudget ('--memory' on the command line).");
            }

            var share = new MemoryShare(this, room, IncludesWeights ? weightBytes : 0);
            _shares.Add(share);
            return share;
        }
    }

    /// <summary>Takes note of a model that may be unloaded.</summary>
    internal void Add(IUnloadable model)
    {
        lock (_gate)
        {
            _unloadable.Add(model);
        }
    }

    internal void Remove(IUnloadable model)
    {
        lock (_gate)
        {
            _unloadable.Remove(model);
        }
    }

    /// <summary>Unloads the model that was not used for the longest time.</summary>
    /// <returns>Ends when its memory is free; null where all are in use.</returns>
    internal Task? TryUnloadOther(IUnloadable than)
    {
        IUnloadable[] others;
        lock (_gate)
        {
            others = [.. _unloadable.Where(model => model != than).OrderBy(model => model.LastUse)];
        }

        return others.Select(model => model.TryUnload()).FirstOrDefault(unloading => unloading is not null);
    }

    internal void Leave(MemoryShare share)
    {
        lock (_gate)
        {
            _shares.Remove(share);
        }
    }

    /// <summary>Bytes that a share may hold.</summary>
    internal long RoomOf(MemoryShare share)
    {
        lock (_gate)
        {
            return Room(share);
        }
    }

    /// <summary>Bytes that a share could hold if the others held weights and adapters alone.</summary>
    internal long AttainableBy(MemoryShare share)
    {
        lock (_gate)
        {
            return Room(share, _shares.Sum(other => other == share ? 0 : other.FixedBytes));
        }
    }

    /// <summary>Lets a share hold other bytes than before; false, and nothing changes, without room.</summary>
    internal bool TryHold(
        MemoryShare share, long slotBytes, long prefixBytes, long draftBytes, long adapterBytes)
    {
        lock (_gate)
        {
            var bytes = slotBytes + prefixBytes + draftBytes + adapterBytes;
            if (bytes > share.CacheBytes + share.AdapterBytes && bytes > Room(share))
            {
                return false;
            }

            share.Set(slotBytes, prefixBytes, draftBytes, adapterBytes);
            return true;
        }
    }

    /// <summary>Asks the others for what they hold without need.</summary>
    internal void AskOthers(MemoryShare share)
    {
        MemoryShare[] others;
        lock (_gate)
        {
            others = [.. _shares.Where(other => other != share && other.HeldBytes > 0)];
        }

        Array.ForEach(others, other => other.Ask());
    }

    private long Used() => _shares.Sum(share => share.HeldBytes);

    private long Room(MemoryShare share) => Room(share, Used() - share.HeldBytes);

    private long Room(MemoryShare share, long others)
        => others > 0 ? Math.Min(share.Max, _bytes - others - share.WeightBytes) : share.Max;
}
