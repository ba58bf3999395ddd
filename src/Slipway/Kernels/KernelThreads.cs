using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Slipway.Kernels;

/// <summary>Threads that share out the parts of one kernel after the other.</summary>
/// <remarks>
/// A model's step is some hundred kernels of a few microseconds each, so what hands their parts out must take less than one:
/// threads watch a word of memory, as long as kernels keep coming, and sleep when none came for a while. A thread that is late
/// is not waited for. Safe for concurrent use: whoever finds the threads busy does its parts itself.
/// </remarks>
internal sealed unsafe class KernelThreads : IParallel
{
    private const long Inside = 0xFFFF;
    private const long Open = 0x10000;
    private const long Generation = 0x20000;

    // Pauses between two looks: more would only delay the start, fewer would keep the memory bus busy.
    private const int Pauses = 8;
    private static readonly TimeSpan Watching = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan WatchingBriefly = TimeSpan.FromMicroseconds(20);

    private readonly long watching;
    private readonly int workers;
    private readonly Lock busy = new();
    private readonly object sleepers = new();
    private State state;

    /// <param name="threads">Threads that compute, the caller's included.</param>
    /// <param name="spins">Whether they watch for a while before they sleep.</param>
    public KernelThreads(int threads, bool spins)
    {
        workers = threads - 1;
        watching = (long)((spins ? Watching : WatchingBriefly).TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i < workers; i++)
        {
            new Thread(Work) { IsBackground = true, Name = "Slipway kernels" }.Start();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void For(int count, delegate*<void*, int, void> part, void* argument)
    {
        if (count <= 1 || workers == 0 || !busy.TryEnter())
        {
            for (var i = 0; i < count; i++)
            {
                part(argument, i);
            }

            return;
        }

        state.Part = part;
        state.Argument = argument;
        state.Count = count;
        state.Next = 0;
        Volatile.Write(ref state.Gate, (state.Gate & ~(Open | Inside)) + Generation + Open);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref state.Asleep) > 0)
        {
            lock (sleepers)
            {
                Monitor.PulseAll(sleepers);
            }
        }

        RunParts();
        Interlocked.And(ref state.Gate, ~Open);
        while ((Volatile.Read(ref state.Gate) & Inside) != 0)
        {
            Thread.SpinWait(1);
        }

        busy.Exit();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RunParts()
    {
        for (int i; (i = Interlocked.Increment(ref state.Next) - 1) < state.Count;)
        {
            state.Part(state.Argument, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Work()
    {
        var seen = 0L;
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            var gate = Volatile.Read(ref state.Gate);
            if (TryEnter(gate, seen))
            {
                seen = gate / Generation;
                RunParts();
                Interlocked.Decrement(ref state.Gate);
                since = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetTimestamp() - since < watching)
            {
                // Whoever waits for a core, such as a reader of the last token, gets this one.
                if (!Thread.Yield())
                {
                    Thread.SpinWait(Pauses);
                }
            }
            else
            {
                Sleep(seen);
                since = Stopwatch.GetTimestamp();
            }
        }
    }

    private bool TryEnter(long gate, long seen)
        => IsOpen(gate, seen) && Interlocked.CompareExchange(ref state.Gate, gate + 1, gate) == gate;

    private void Sleep(long seen)
    {
        lock (sleepers)
        {
            // Whoever opens the gate after this sees that someone sleeps, and wakes it once this waits.
            Interlocked.Increment(ref state.Asleep);
            while (!IsOpen(Volatile.Read(ref state.Gate), seen))
            {
                Monitor.Wait(sleepers);
            }

            Interlocked.Decrement(ref state.Asleep);
        }
    }

    private static bool IsOpen(long gate, long seen) => (gate & Open) != 0 && gate / Generation != seen;

    // What threads watch, what they count, and what they only read lie on cache lines of their own.
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
        public int Asleep;
    }
}
