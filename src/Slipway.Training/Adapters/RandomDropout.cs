using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>Leaves out elements at random while a batch is trained on, as a seed says.</summary>
/// <remarks>
/// The seed belongs to the batch and the thread that computes it, so that a run that goes on from a checkpoint leaves
/// out what an uninterrupted one does.
/// </remarks>
internal static class RandomDropout
{
    [ThreadStatic]
    private static Generator? s_generator;

    /// <summary>Begins a batch on this thread; without one nothing is left out.</summary>
    public static IDisposable Begin(long seed) => new Batch(new Generator((ulong)seed));

    /// <summary>The place in what is drawn on this thread; null where nothing is left out.</summary>
    public static DropoutState? State()
    {
        using var state = s_generator?.get_state();
        return state is null ? null : new DropoutState(state.bytes.ToArray());
    }

    /// <summary>Draws from a place on again, until the result is disposed.</summary>
    public static IDisposable Resume(DropoutState? place)
    {
        if (place is null)
        {
            return new Batch(null);
        }

        using var state = tensor(place.Bytes, ScalarType.Byte);
        var generator = new Generator();
        generator.set_state(state);
        return new Batch(generator);
    }

    public static Tensor Apply(Tensor input, double share)
    {
        if (share <= 0 || s_generator is not { } generator)
        {
            return input;
        }

        var kept = rand(input.shape, generator: generator)
            .With(share, static (x, limit) => x.ge(limit)).to(input.dtype);
        return (input * kept).Over(1 - share);
    }

    private sealed class Batch : IDisposable
    {
        private readonly Generator? _before = s_generator;

        public Batch(Generator? generator) => s_generator = generator;

        public void Dispose()
        {
            s_generator?.Dispose();
            s_generator = _before;
        }
    }
}

/// <summary>Holds a place in what dropout draws.</summary>
/// <param name="Bytes">The generator's state.</param>
internal sealed record DropoutState(byte[] Bytes);
