using Slipway.Engine;

namespace Slipway.Tests.Engine;

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
        var pace = new PrefillChunkSizer();
        pace.Decoded(Milliseconds(decode), 1, isQuiet: true);
        double taken = 0;
        for (var i = 0; i < 12; i++)
        {
            var tokens = pace.Next(Max);
            taken = (0.2 * decode) + (tokens * perToken);
            pace.Prefilled(tokens, Milliseconds(taken));
            pace.Decoded(Milliseconds(decode), 1, isQuiet: true);
        }

        Assert.InRange(taken, decode, 2.5 * decode);
    }

    [Fact]
    public void Next_TokensBecomeDearer_ShrinksToTheLeastAndGrowsAgain()
    {
        var pace = new PrefillChunkSizer();
        pace.Decoded(Milliseconds(20), 1, isQuiet: true);
        int Chunk(double perToken)
        {
            for (var i = 0; i < 8; i++)
            {
                var tokens = pace.Next(Max);
                pace.Prefilled(tokens, Milliseconds(tokens * perToken));
            }

            return pace.Next(Max);
        }

        Assert.Equal(48, Chunk(1));
        Assert.Equal(4, Chunk(15));
        Assert.Equal(2, Chunk(50));
        Assert.Equal(Max, Chunk(0.01));
    }

    [Fact]
    public void Decoded_OneStepIsHeldUp_CountsLittle()
    {
        var pace = new PrefillChunkSizer();
        pace.Decoded(Milliseconds(20), 1, isQuiet: true);
        pace.Decoded(TimeSpan.FromSeconds(10), 1, isQuiet: true);
        for (var i = 0; i < 8; i++)
        {
            var tokens = pace.Next(Max);
            pace.Prefilled(tokens, Milliseconds(tokens));
        }

        // Steps of 20 ms allow 48 tokens; those of the mean of both 256.
        Assert.InRange(pace.Next(Max), 48, 75);
    }

    /// <summary>A chunk is as long as those allow that decode now, not those of the chunk before it.</summary>
    [Fact]
    public void Next_OthersDecodeFaster_IsShorterAtOnce()
    {
        var pace = new PrefillChunkSizer();
        pace.Decoded(Milliseconds(20), 1, isQuiet: true);
        pace.Prefilled(48, Milliseconds(48));
        Assert.Equal(48, pace.Next(Max));
        for (var i = 0; i < 24; i++)
        {
            pace.Decoded(Milliseconds(4), 1, isQuiet: true);
        }

        Assert.Equal(8, pace.Next(Max));
    }

    /// <summary>Options that ask for smaller chunks than the least have them.</summary>
    [Fact]
    public void Prefilled_ChunksBelowTheLeast_StayWithinTheMost()
    {
        var pace = new PrefillChunkSizer();
        pace.Decoded(Milliseconds(20), 1, isQuiet: true);
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(3, pace.Next(3));
            pace.Prefilled(3, Milliseconds(1));
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
        var pace = new PrefillChunkSizer();
        pace.Decoded(Milliseconds(quiet + 1), 1, isQuiet: true);
        pace.Decoded(Milliseconds(quiet), 1, isQuiet: true);
        for (var i = 0; i < 100; i++)
        {
            pace.Decoded(Milliseconds(now), 1, isQuiet: false);
        }

        Assert.Equal(expected, pace.PrefillSlice(prompts).TotalMilliseconds, 0.01);
    }

    [Fact]
    public void Turn_OtherSequencesDecode_GoesByTheirSteps()
    {
        var pace = new PrefillChunkSizer();
        Assert.Equal(TimeSpan.Zero, pace.PrefillSlice(1));
        pace.Decoded(Milliseconds(4), 1, isQuiet: true);
        for (var i = 0; i < 100; i++)
        {
            pace.Decoded(Milliseconds(16), 8, isQuiet: false);
        }

        Assert.Equal(2.25 * 16, pace.PrefillSlice(1).TotalMilliseconds, 0.01);
    }

    /// <summary>What comes in waits for a chunk's end, so that takes the same time whatever a token costs.</summary>
    [Theory]
    [InlineData(0.1, Max)]
    [InlineData(0.6, 128)]
    [InlineData(1.2, 64)]
    [InlineData(5, 32)]
    public void NextInterruptible_AfterAChunk_TakesAboutAsLong(double perToken, int expected)
    {
        var pace = new PrefillChunkSizer();
        Assert.Equal(32, pace.NextInterruptible(Max));
        pace.Prefilled(32, Milliseconds(32 * perToken));
        Assert.Equal(expected, pace.NextInterruptible(Max));
        Assert.Equal(20, pace.NextInterruptible(20));
    }

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);
}
