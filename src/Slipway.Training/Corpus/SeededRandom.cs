namespace Slipway.Training.Corpus;

/// <summary>Draws the same numbers from the same seed on every machine and every version of .NET.</summary>
/// <remarks>
/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). Not thread-safe, and not for
/// secrets.
/// </remarks>
public sealed class SeededRandom
{
    private const double Unit = 1.0 / (1UL << 53);

    private ulong _state;

    /// <summary>Starts at a seed.</summary>
    public SeededRandom(ulong seed) => _state = seed;

    /// <summary>Derives the generator of one stream of a seed: streams of neighbouring numbers are unrelated.</summary>
    public static SeededRandom ForStream(ulong seed, ulong stream) => new(Mix(seed) ^ Mix(~stream));

    /// <summary>Draws 64 bits.</summary>
    public ulong NextBits() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>Draws a whole number from 0 up to, not including, a bound.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not positive.</exception>
    public int Below(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)Math.BigMul(NextBits(), (ulong)bound, out _);
    }

    /// <summary>Draws a whole number between two bounds, both included.</summary>
    public int Between(int min, int max) => min + Below(checked(max - min + 1));

    /// <summary>Answers true with a probability from 0 to 1.</summary>
    public bool Chance(double probability) => (NextBits() >> 11) * Unit < probability;

    /// <summary>Draws one of the items.</summary>
    public T Pick<T>(IReadOnlyList<T> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        return items[Below(items.Count)];
    }

    /// <summary>Brings the items into a random order.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var index = items.Length - 1; index > 0; index--)
        {
            var other = Below(index + 1);
            (items[index], items[other]) = (items[other], items[index]);
        }
    }

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
