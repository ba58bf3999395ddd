using Slipway.Engine.Cache;

namespace Slipway;

/// <summary>Bounds the bytes that keys and values of several models take together.</summary>
/// <remarks>
/// Thread-safe. A model takes what its sequences need. Where others leave too little, they are asked for what they keep
/// for later requests (prefixes, slots that no sequence uses), and requests wait until others have ended. A model whose
/// company needs nothing may take all that it could take alone.
/// </remarks>
public sealed class MemoryBudget
{
    private readonly Lock _gate = new();
    private readonly List<MemoryShare> _shares = [];
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

    /// <summary>Adds a model.</summary>
    /// <param name="max">The most bytes that the model may ever take.</param>
    internal MemoryShare Join(long max)
    {
        var share = new MemoryShare(this, max);
        lock (_gate)
        {
            _shares.Add(share);
        }

        return share;
    }

    /// <summary>The most bytes that a model which is being loaded may take.</summary>
    /// <param name="free">Free memory.</param>
    internal long Measure(long free)
    {
        lock (_gate)
        {
            return _bytes = _given ?? ((free + Used()) / 2);
        }
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

    /// <summary>Lets a share hold other bytes than before; false, and nothing changes, without room.</summary>
    internal bool TryHold(MemoryShare share, long slotBytes, long prefixBytes, long draftBytes)
    {
        lock (_gate)
        {
            var bytes = slotBytes + prefixBytes + draftBytes;
            if (bytes > share.HeldBytes && bytes > Room(share))
            {
                return false;
            }

            share.Set(slotBytes, prefixBytes, draftBytes);
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

    private long Room(MemoryShare share)
        => Used() - share.HeldBytes is > 0 and var others ? Math.Min(share.Max, _bytes - others) : share.Max;
}
