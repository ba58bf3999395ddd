using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Slipway.Kernels.Threading;

/// <summary>Holds the parts of one kernel while threads take them.</summary>
/// <remarks>
/// The gate is a word: how often it was opened, whether it is open, and how many threads are inside. Who closes it
/// waits until they have left, so that none of them touches what the next kernel puts here.
/// </remarks>
internal sealed unsafe class KernelJob
{
    private const long Inside = 0xFFFF;
    private const long OpenBit = 0x10000;
    private const long Generation = 0x20000;

    private State _state;
    private Exception? _failure;

    /// <summary>Takes the job for a caller of its own; <see cref="Close"/> gives it back.</summary>
    public bool TryTake()
        => Volatile.Read(ref _state.IsTaken) == 0 && Interlocked.CompareExchange(ref _state.IsTaken, 1, 0) == 0;

    /// <summary>Lets threads in.</summary>
    public void Open(int count, delegate*<void*, int, void> part, void* argument)
    {
        _state.Part = part;
        _state.Argument = argument;
        _state.Count = count;
        _state.Next = 0;
        Volatile.Write(ref _state.Gate, (_state.Gate & ~(OpenBit | Inside)) + Generation + OpenBit);
        Interlocked.MemoryBarrier();
    }

    /// <summary>Tells whether there is an opening that a thread has not seen.</summary>
    public bool IsOpen(long seen) => IsOpen(Volatile.Read(ref _state.Gate), seen);

    /// <summary>Takes parts of an opening that the thread has not seen.</summary>
    /// <param name="seen">The last opening that the thread was in.</param>
    /// <returns>True if it was let in; false otherwise.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryHelp(ref long seen)
    {
        var gate = Volatile.Read(ref _state.Gate);
        if (!IsOpen(gate, seen) || Interlocked.CompareExchange(ref _state.Gate, gate + 1, gate) != gate)
        {
            return false;
        }

        seen = gate / Generation;
        RunParts();
        Interlocked.Decrement(ref _state.Gate);
        return true;
    }

    /// <summary>
    /// Takes parts until none is left; a part that throws is the last one, and its exception is kept.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void RunParts()
    {
        try
        {
            for (int i; (i = Interlocked.Increment(ref _state.Next) - 1) < _state.Count;)
            {
                _state.Part(_state.Argument, i);
            }
        }
#pragma warning disable CA1031 // The caller of the kernel throws it; on a thread of the pool it would end the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref _failure, e, null);
            Interlocked.Exchange(ref _state.Next, _state.Count);
        }
    }

    /// <summary>Waits for the threads inside and gives the job back.</summary>
    /// <exception cref="Exception">A part threw.</exception>
    public void Close()
    {
        Interlocked.And(ref _state.Gate, ~OpenBit);
        while ((Volatile.Read(ref _state.Gate) & Inside) != 0)
        {
            Thread.SpinWait(1);
        }

        var failure = _failure;
        _failure = null;
        Volatile.Write(ref _state.IsTaken, 0);
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private static bool IsOpen(long gate, long seen) => (gate & OpenBit) != 0 && gate / Generation != seen;

    // Words that threads watch, that they count in, and that they only read lie on cache lines of their own.
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    private struct State
    {
        [FieldOffset(128)]
        public long Gate;

        [FieldOffset(256)]
        public int Next;

        [FieldOffset(384)]
        public delegate*<void*, int, void> Part;

        [FieldOffset(392)]
        public void* Argument;

        [FieldOffset(400)]
        public int Count;

        [FieldOffset(408)]
        public int IsTaken;
    }
}
