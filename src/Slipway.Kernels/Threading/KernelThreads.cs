using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Slipway.Kernels.Threading;

/// <summary>Shares out the parts of one kernel after the other among threads that stay.</summary>
/// <remarks>
/// A model's step is some hundred kernels of a few microseconds each, so handing their parts out must take less than
/// one: threads watch words of memory, as long as kernels keep coming, and sleep when none came for a while. A thread
/// that is late is not waited for. Safe for concurrent use: models that compute at once each have a job, and threads
/// that are free go to whichever has parts left.
/// <code>
/// caller ──► job 0: gate │ part │ next ─┐
/// caller ──► job 1: gate │ part │ next ─┼─► threads look at the gates in turn, enter, take parts, leave
///            …                          ┘
/// </code>
/// </remarks>
internal sealed unsafe class KernelThreads : IParallel, IDisposable
{
    // Callers at once that have threads beside their own.
    private const int Jobs = 8;

    // Pauses between two looks: more would only delay the start, fewer would keep the memory bus busy.
    private const int Pauses = 8;
    private static readonly TimeSpan _watching = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan _watchingBriefly = TimeSpan.FromMicroseconds(20);
    private static readonly Dictionary<(int Threads, bool Spins), KernelThreads> _shared = [];

    private readonly long _watchedTicks;
    private readonly Thread[] _workers;
    private readonly KernelJob[] _jobs;
    private readonly object _sleepers = new();
    private int _asleep;
    private volatile bool _isStopping;
    private int _users;
    private (int Threads, bool Spins) _key;

    /// <param name="threads">Threads that compute, the caller's included.</param>
    /// <param name="spins">True if they watch for a while before they sleep.</param>
    public KernelThreads(int threads, bool spins)
    {
        _watchedTicks = (long)((spins ? _watching : _watchingBriefly).TotalSeconds * Stopwatch.Frequency);
        _jobs = [.. Enumerable.Range(0, Jobs).Select(_ => new KernelJob())];
        _workers = new Thread[threads - 1];
        for (var i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(Work) { IsBackground = true, Name = "Slipway kernels" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that have not ended.</summary>
    public int LiveThreads => _workers.Count(worker => worker.IsAlive);

    /// <summary>Gives the pool that sessions with as many threads share; each <see cref="Return"/>s it.</summary>
    public static KernelThreads Rent(int threads, bool spins)
    {
        lock (_shared)
        {
            if (!_shared.TryGetValue((threads, spins), out var pool))
            {
                pool = new KernelThreads(threads, spins) { _key = (threads, spins) };
                _shared.Add(pool._key, pool);
            }

            pool._users++;
            return pool;
        }
    }

    /// <summary>Ends the use of a rented pool; its threads end with the last user.</summary>
    public void Return()
    {
        lock (_shared)
        {
            if (--_users > 0)
            {
                return;
            }

            _shared.Remove(_key);
        }

        Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void For(int count, delegate*<void*, int, void> part, void* state)
    {
        if (count <= 1 || _workers.Length == 0 || TakeJob() is not { } job)
        {
            for (var i = 0; i < count; i++)
            {
                part(state, i);
            }

            return;
        }

        job.Open(count, part, state);
        if (Volatile.Read(ref _asleep) > 0)
        {
            lock (_sleepers)
            {
                Monitor.PulseAll(_sleepers);
            }
        }

        job.RunParts();
        job.Close();
    }

    /// <summary>Ends the threads; nobody computes with them any more.</summary>
    public void Dispose()
    {
        lock (_sleepers)
        {
            _isStopping = true;
            Monitor.PulseAll(_sleepers);
        }

        foreach (var worker in _workers)
        {
            worker.Join();
        }
    }

    /// <summary>Waits until all threads sleep, for tests of what wakes them.</summary>
    internal void WaitUntilAsleep()
    {
        while (Volatile.Read(ref _asleep) < _workers.Length)
        {
            Thread.Yield();
        }
    }

    private KernelJob? TakeJob()
    {
        foreach (var job in _jobs)
        {
            if (job.TryTake())
            {
                return job;
            }
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Work()
    {
        Span<long> seen = stackalloc long[Jobs];
        seen.Clear();
        var since = Stopwatch.GetTimestamp();
        var next = 0;
        while (!_isStopping)
        {
            // Begins behind the job that was served last, so that none waits for another's end.
            var served = false;
            for (var i = 0; i < Jobs; i++)
            {
                var index = (next + i) % Jobs;
                if (_jobs[index].TryHelp(ref seen[index]))
                {
                    (served, next) = (true, index + 1);
                    break;
                }
            }

            if (served)
            {
                since = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetTimestamp() - since < _watchedTicks)
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

    private void Sleep(Span<long> seen)
    {
        lock (_sleepers)
        {
            // Whoever opens a gate after this sees that someone sleeps, and wakes it once this waits.
            Interlocked.Increment(ref _asleep);
            while (!_isStopping && !IsAnyOpen(seen))
            {
                Monitor.Wait(_sleepers);
            }

            Interlocked.Decrement(ref _asleep);
        }
    }

    private bool IsAnyOpen(Span<long> seen)
    {
        for (var i = 0; i < Jobs; i++)
        {
            if (_jobs[i].IsOpen(seen[i]))
            {
                return true;
            }
        }

        return false;
    }
}
