namespace Slipway.Training.Data;

/// <summary>Puts the sequences of a data set into a new order each epoch: a function of the seed alone.</summary>
/// <remarks>One thread at a time may use an instance.</remarks>
/// <param name="count">The number of sequences, at least one.</param>
/// <param name="seed">What the orders are drawn from.</param>
public sealed class EpochOrder(int count, long seed)
{
    private readonly int[] _order = new int[count];
    private long _epoch = -1;

    /// <summary>Answers which sequence comes at a place, counted over all epochs.</summary>
    public int At(long place)
    {
        var (epoch, index) = Math.DivRem(place, count);
        if (epoch != _epoch)
        {
            Shuffle(epoch);
        }

        return _order[index];
    }

    private void Shuffle(long epoch)
    {
        for (var index = 0; index < _order.Length; index++)
        {
            _order[index] = index;
        }

        // SplitMix64, so that the order is the same on every machine and version.
        var state = Mix((ulong)seed) + Mix(~(ulong)epoch);
        for (var index = _order.Length - 1; index > 0; index--)
        {
            var other = (int)Math.BigMul(Mix(state += 0x9E3779B97F4A7C15), (ulong)index + 1, out _);
            (_order[index], _order[other]) = (_order[other], _order[index]);
        }

        _epoch = epoch;
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
