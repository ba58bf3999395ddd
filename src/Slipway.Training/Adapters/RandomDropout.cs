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
    public static IDisposable Begin(long seed) => new Batch(seed);

    public static Tensor Apply(Tensor input, double share)
    {
        if (share <= 0 || s_generator is not { } generator)
        {
            return input;
        }

        var kept = rand(input.shape, generator: generator).ge(share).to(input.dtype);
        return input * kept / (1 - share);
    }

    private sealed class Batch : IDisposable
    {
        private readonly Generator _generator;

        public Batch(long seed) => s_generator = _generator = new Generator((ulong)seed);

        public void Dispose()
        {
            s_generator = null;
            _generator.Dispose();
        }
    }
}
