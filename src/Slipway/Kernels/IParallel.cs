namespace Slipway.Kernels;

/// <summary>Runs parts of one piece of work on several threads.</summary>
internal unsafe interface IParallel
{
    /// <summary>Calls a function once for each index below a count, and returns when all calls have.</summary>
    /// <param name="count">How many calls.</param>
    /// <param name="part">The function; it must not throw.</param>
    /// <param name="state">Handed to each call.</param>
    void For(int count, delegate*<void*, int, void> part, void* state);
}
