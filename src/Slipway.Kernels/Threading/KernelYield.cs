namespace Slipway.Kernels.Threading;

/// <summary>Lets the thread that runs a session do something else between two kernels of that run.</summary>
/// <remarks>
/// A prompt's run takes long, and those who wait for a token should not wait for its end. ONNX Runtime calls kernels on
/// the thread that runs the session, so nothing is handed over: the thread may run a session, the same one too, and
/// then goes on. What the run in progress reads and writes must be left alone.
/// </remarks>
internal static class KernelYield
{
    [ThreadStatic]
    private static Action? _current;

    /// <summary>
    /// Lets the thread do another thing before each kernel that it runs, until what this returns is disposed.
    /// </summary>
    /// <param name="between">
    /// Called before each kernel and decides whether it is time; kernels that it runs itself do not yield. Null for
    /// never.
    /// </param>
    public static Scope Enable(Action? between)
    {
        var scope = new Scope(_current);
        _current = between;
        return scope;
    }

    /// <summary>Called before each kernel.</summary>
    public static void YieldPoint()
    {
        if (_current is not { } between)
        {
            return;
        }

        _current = null;
        try
        {
            between();
        }
        finally
        {
            _current = between;
        }
    }

    /// <summary>Ends what <see cref="Enable"/> began.</summary>
    public readonly ref struct Scope(Action? outer)
    {
        public void Dispose() => _current = outer;
    }
}
