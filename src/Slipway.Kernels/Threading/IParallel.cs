namespace Slipway.Kernels.Threading;

/// <summary>Runs parts of one piece of work on several threads.</summary>
internal unsafe interface IParallel
{
    /// <summary>Calls a function once for each index below a count, and returns when all calls have.</summary>
    /// <param name="count">The number of calls.</param>
    /// <param name="part">The function; where a call throws, further parts are left out.</param>
    /// <param name="state">Handed to each call.</param>
    /// <exception cref="Exception">The first exception of a call, whichever thread made it.</exception>
    void For(int count, delegate*<void*, int, void> part, void* state);
}
