using Slipway.Kernels.Threading;

namespace Slipway.Kernels.Tests.Threading;

public sealed unsafe class KernelThreadsTests
{
    private static readonly Barrier _bothInside = new(4);
    private static int _mainThread;
    private static Barrier? _meeting;

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(4, false)]
    public void For_ManyTimes_CallsEachPartOnce(int threads, bool spins)
    {
        using var pool = new KernelThreads(threads, spins);
        const int parts = 37;
        var counts = stackalloc int[parts];
        for (var time = 1; time <= 5000; time++)
        {
            pool.For(parts, &Count, counts);
            for (var part = 0; part < parts; part++)
            {
                Assert.Equal(time, counts[part]);
            }
        }
    }

    [Fact]
    public void For_CalledByManyAtOnce_CallsEachPartOnce()
    {
        using var pool = new KernelThreads(3, spins: true);
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 16 }, _ =>
        {
            var counts = stackalloc int[11];
            for (var time = 0; time < 1000; time++)
            {
                pool.For(11, &Count, counts);
            }

            for (var part = 0; part < 11; part++)
            {
                Assert.Equal(1000, counts[part]);
            }
        });
    }

    [Fact]
    public void For_AfterThreadsFellAsleep_StillCallsEachPart()
    {
        using var pool = new KernelThreads(3, spins: false);
        var counts = stackalloc int[64];
        for (var time = 0; time < 20; time++)
        {
            pool.For(64, &Count, counts);
            pool.WaitUntilAsleep();
        }

        Assert.Equal(Enumerable.Repeat(20, 64), new Span<int>(counts, 64).ToArray());
    }

    /// <summary>Each of two callers at once has a thread of the pool beside its own: both parts of both meet.</summary>
    [Fact]
    public void For_TwoCallersAtOnce_BothHaveSeveralThreads()
    {
        // One thread more than the parts need: two may take both parts of one caller, who then only waits.
        using var pool = new KernelThreads(4, spins: true);
        Thread[] callers = [new(() => pool.For(2, &MeetAll, null)), new(() => pool.For(2, &MeetAll, null))];
        Array.ForEach(callers, caller => caller.Start());
        Array.ForEach(callers, caller => caller.Join());
        Assert.Equal(1, _bothInside.CurrentPhaseNumber);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void For_PartThrowsOnTheCaller_ThrowsThereAndGoesOn(int threads)
    {
        using var pool = new KernelThreads(threads, spins: true);
        _mainThread = Environment.CurrentManagedThreadId;
        using var meeting = _meeting = new Barrier(Math.Min(threads, 2));
        Assert.Equal("on the caller",
            Assert.Throws<InvalidOperationException>(() => pool.For(2, &FailOnCaller, null)).Message);
        AssertUsable(pool);
    }

    [Fact]
    public void For_PartThrowsOnAThreadOfThePool_ThrowsAtTheCallerAndGoesOn()
    {
        using var pool = new KernelThreads(3, spins: true);
        _mainThread = Environment.CurrentManagedThreadId;
        using var meeting = _meeting = new Barrier(2);
        Assert.Equal("on a thread",
            Assert.Throws<InvalidOperationException>(() => pool.For(2, &FailOnThread, null)).Message);
        AssertUsable(pool);
    }

    [Fact]
    public void For_EveryPartThrows_ThrowsOneEachTime()
    {
        using var pool = new KernelThreads(3, spins: true);
        for (var time = 0; time < 1000; time++)
        {
            Assert.Throws<InvalidOperationException>(() => pool.For(20, &Fail, null));
        }

        AssertUsable(pool);
    }

    [Fact]
    public void Rent_SameThreads_SharesUntilTheLastReturn()
    {
        const int threads = 61;
        KernelThreads first = KernelThreads.Rent(threads, spins: false),
            second = KernelThreads.Rent(threads, spins: false);
        Assert.Same(first, second);
        Assert.NotSame(first, Other());
        first.Return();
        AssertUsable(second);
        Assert.Equal(threads - 1, second.LiveThreads);
        second.Return();
        Assert.Equal(0, second.LiveThreads);
        Assert.NotSame(first, Other());

        KernelThreads Other()
        {
            var other = KernelThreads.Rent(threads - 1, spins: false);
            other.Return();
            return other;
        }
    }

    private static void AssertUsable(KernelThreads pool)
    {
        var counts = stackalloc int[50];
        for (var time = 0; time < 10; time++)
        {
            pool.For(50, &Count, counts);
        }

        Assert.Equal(Enumerable.Repeat(10, 50), new Span<int>(counts, 50).ToArray());
    }

    private static void Count(void* counts, int part) => Interlocked.Increment(ref ((int*)counts)[part]);

    private static void MeetAll(void* state, int part) => _bothInside.SignalAndWait();

    private static void Fail(void* state, int part) => throw new InvalidOperationException("each");

    private static void FailOnCaller(void* state, int part)
    {
        _meeting!.SignalAndWait();
        if (Environment.CurrentManagedThreadId == _mainThread)
        {
            throw new InvalidOperationException("on the caller");
        }
    }

    private static void FailOnThread(void* state, int part)
    {
        _meeting!.SignalAndWait();
        if (Environment.CurrentManagedThreadId != _mainThread)
        {
            throw new InvalidOperationException("on a thread");
        }
    }
}
