using Slipway.Kernels;

namespace Slipway.Tests.Kernels;

public sealed unsafe class KernelThreadsTests
{
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(4, false)]
    public void For_ManyTimes_CallsEachPartOnce(int threads, bool spins)
    {
        var pool = new KernelThreads(threads, spins);
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
        var pool = new KernelThreads(3, spins: true);
        Parallel.For(0, 8, _ =>
        {
            var counts = stackalloc int[11];
            for (var time = 0; time < 2000; time++)
            {
                pool.For(11, &Count, counts);
            }

            for (var part = 0; part < 11; part++)
            {
                Assert.Equal(2000, counts[part]);
            }
        });
    }

    [Fact]
    public void For_AfterThreadsFellAsleep_StillCallsEachPart()
    {
        var pool = new KernelThreads(3, spins: false);
        var counts = stackalloc int[64];
        for (var time = 0; time < 20; time++)
        {
            pool.For(64, &Count, counts);
            Thread.Sleep(5);
        }

        Assert.Equal(Enumerable.Repeat(20, 64), new Span<int>(counts, 64).ToArray());
    }

    private static void Count(void* counts, int part) => Interlocked.Increment(ref ((int*)counts)[part]);
}
