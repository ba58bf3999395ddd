using Slipway.Engine.Scheduling;

namespace Slipway.Tests.Engine.Scheduling;

public sealed class PrefillChunkSizerTests
{
    private const int Max = 256;

    [Fact]
    public void Next_NothingMeasured_IsSmallAndWithinTheMost()
    {
        Assert.Equal(4, new PrefillChunkSizer().Next(Max));
        Assert.Equal(3, new PrefillChunkSizer().Next(3));
    }

    /// <summary>On machines of any speed a chunk comes to take two to two and a half decode steps.</summary>
    [Theory]
    [InlineData(8, 0.3)]
    [InlineData(30, 1)]
    [InlineData(60, 1.2)]
    [InlineData(2, 0.02)]
    public void Next_AfterSomeChunks_TakesAsLongAsTheStepsAllow(double decode, double perToken)
    {
        var sizer = new PrefillChunkSizer();
        sizer.ObserveDecode(Milliseconds(decode), 1, isQuiet: true);
        double taken = 0;
        for (var i = 0; i < 12; i++)
        {
            var tokens = sizer.Next(Max);
            taken = (0.2 * decode) + (tokens * perToken);
            sizer.ObservePrefill(tokens, Milliseconds(taken));
            sizer.ObserveDecode(Milliseconds(decode), 1, isQuiet: true);
        }

        Assert.InRange(taken, decode, 2.5 * decode);
    }

    [Fact]
    public void Next_TokensBecomeDearer_ShrinksToTheLeastAndGrowsAgain()
    {
        var sizer = new PrefillChunkSizer();
        sizer.ObserveDecode(Milliseconds(20), 1, isQuiet: true);
        int Chunk(double perToken)
        {
            for (var i = 0; i < 8; i++)
            {
                var tokens = sizer.Next(Max);
                sizer.ObservePrefill(tokens, Milliseconds(tokens * perToken));
            }

            return sizer.Next(Max);
        }

        Assert.Equal(48, Chunk(1));
        Assert.Equal(4, Chunk(15));
        Assert.Equal(2, Chunk(50));
        Assert.Equal(Max, Chunk(0.01));
    }

    [Fact]
    public void Decoded_OneStepIsHeldUp_CountsLittle()
    {
        var sizer = new PrefillChunkSizer();
        sizer.ObserveDecode(Milliseconds(20), 1, isQuiet: true);
        sizer.ObserveDecode(TimeSpan.FromSeconds(10), 1, isQuiet: true);
        for (var i = 0; i < 8; i++)
        {
            var tokens = sizer.Next(Max);
            sizer.ObservePrefill(tokens, Milliseconds(tokens));
        }

        // Steps of 20 ms allow 48 tokens; those of the mean of both 256.
        Assert.InRange(sizer.Next(Max), 48, 75);
    }

    /// <summary>A chunk is as long as those allow that decode now, not those of the chunk before it.</summary>
    [Fact]
    public void Next_OthersDecodeFaster_IsShorterAtOnce()
    {
        var sizer = new PrefillChunkSizer();
        sizer.ObserveDecode(Milliseconds(20), 1, isQuiet: true);
        sizer.ObservePrefill(48, Milliseconds(48));
        Assert.Equal(48, sizer.Next(Max));
        for (var i = 0; i < 24; i++)
        {
            sizer.ObserveDecode(Milliseconds(4), 1, isQuiet: true);
        }

        Assert.Equal(8, sizer.Next(Max));
    }

    /// <summary>Options that ask for smaller chunks than the least have them.</summary>
    [Fact]
    public void Prefilled_ChunksBelowTheLeast_StayWithinTheMost()
    {
        var sizer = new PrefillChunkSizer();
        sizer.ObserveDecode(Milliseconds(20), 1, isQuiet: true);
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(3, sizer.Next(3));
            sizer.ObservePrefill(3, Milliseconds(1));
        }
    }

    /// <summary>
    /// A turn and a step together take what some steps took before the prompt came, as long as a turn is left of that.
    /// </summary>
    [Theory]
    [InlineData(4, 4, 1, 9)]
    [InlineData(4, 6, 1, 7)]
    [InlineData(4, 6, 2, 14)]
    [InlineData(4, 6, 9, 21)]
    [InlineData(4, 12, 1, 6)]
    public void Turn_StepsGrowLonger_KeepsThePauseAsItIs(double quiet, double now, int prompts, double expected)
    {
        var sizer = new PrefillChunkSizer();
        sizer.ObserveDecode(Milliseconds(quiet + 1), 1, isQuiet: true);
        sizer.ObserveDecode(Milliseconds(quiet), 1, isQuiet: true);
        for (var i = 0; i < 100; i++)
        {
            sizer.ObserveDecode(Milliseconds(now), 1, isQuiet: false);
        }

        Assert.Equal(expected, sizer.SliceTime(prompts).TotalMilliseconds, 0.01);
    }

    [Fact]
    public void Turn_OtherSequencesDecode_GoesByTheirSteps()
    {
        var sizer = new PrefillChunkSizer();
        Assert.Equal(TimeSpan.Zero, sizer.SliceTime(1));
        sizer.ObserveDecode(Milliseconds(4), 1, isQuiet: true);
        for (var i = 0; i < 100; i++)
        {
            sizer.ObserveDecode(Milliseconds(16), 8, isQuiet: false);
        }

        Assert.Equal(2.25 * 16, sizer.SliceTime(1).TotalMilliseconds, 0.01);
    }

    /// <summary>What comes in waits for a chunk's end, so that takes the same time whatever a token costs.</summary>
    [Theory]
    [InlineData(0.1, Max)]
    [InlineData(0.6, 128)]
    [InlineData(1.2, 64)]
    [InlineData(5, 32)]
    public void NextInterruptible_AfterAChunk_TakesAboutAsLong(double perToken, int expected)
    {
        var sizer = new PrefillChunkSizer();
        Assert.Equal(32, sizer.NextInterruptible(Max));
        sizer.ObservePrefill(32, Milliseconds(32 * perToken));
        Assert.Equal(expected, sizer.NextInterruptible(Max));
        Assert.Equal(20, sizer.NextInterruptible(20));
    }

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);
}
