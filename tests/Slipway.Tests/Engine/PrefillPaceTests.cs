using Slipway.Engine;

namespace Slipway.Tests.Engine;

public sealed class PrefillPaceTests
{
    private const int Most = 256;

    [Fact]
    public void Next_NothingMeasured_IsSmallAndWithinTheMost()
    {
        Assert.Equal(4, new PrefillPace().Next(Most));
        Assert.Equal(3, new PrefillPace().Next(3));
    }

    /// <summary>On machines of any speed a chunk comes to take two to two and a half decode steps.</summary>
    [Theory]
    [InlineData(8, 0.3)]
    [InlineData(30, 1)]
    [InlineData(60, 1.2)]
    [InlineData(2, 0.02)]
    public void Next_AfterSomeChunks_TakesAsLongAsTheStepsAllow(double decode, double perToken)
    {
        var pace = new PrefillPace();
        pace.Decoded(Milliseconds(decode));
        double taken = 0;
        for (var i = 0; i < 12; i++)
        {
            var tokens = pace.Next(Most);
            taken = (0.2 * decode) + (tokens * perToken);
            pace.Prefilled(tokens, Milliseconds(taken));
            pace.Decoded(Milliseconds(decode));
        }

        Assert.InRange(taken, decode, 2.5 * decode);
    }

    [Fact]
    public void Next_TokensBecomeDearer_ShrinksToTheLeastAndGrowsAgain()
    {
        var pace = new PrefillPace();
        pace.Decoded(Milliseconds(20));
        int Chunk(double perToken)
        {
            for (var i = 0; i < 8; i++)
            {
                var tokens = pace.Next(Most);
                pace.Prefilled(tokens, Milliseconds(tokens * perToken));
            }

            return pace.Next(Most);
        }

        Assert.Equal(48, Chunk(1));
        Assert.Equal(4, Chunk(15));
        Assert.Equal(2, Chunk(50));
        Assert.Equal(Most, Chunk(0.01));
    }

    [Fact]
    public void Decoded_OneStepIsHeldUp_CountsLittle()
    {
        var pace = new PrefillPace();
        pace.Decoded(Milliseconds(20));
        pace.Decoded(TimeSpan.FromSeconds(10));
        for (var i = 0; i < 8; i++)
        {
            var tokens = pace.Next(Most);
            pace.Prefilled(tokens, Milliseconds(tokens));
        }

        // Steps of 20 ms allow 48 tokens; those of the mean of both 256.
        Assert.InRange(pace.Next(Most), 48, 75);
    }

    /// <summary>A chunk is as long as those allow that decode now, not those of the chunk before it.</summary>
    [Fact]
    public void Next_OthersDecodeFaster_IsShorterAtOnce()
    {
        var pace = new PrefillPace();
        pace.Decoded(Milliseconds(20));
        pace.Prefilled(48, Milliseconds(48));
        Assert.Equal(48, pace.Next(Most));
        for (var i = 0; i < 24; i++)
        {
            pace.Decoded(Milliseconds(4));
        }

        Assert.Equal(8, pace.Next(Most));
    }

    /// <summary>Options that ask for smaller chunks than the least have them.</summary>
    [Fact]
    public void Prefilled_ChunksBelowTheLeast_StayWithinTheMost()
    {
        var pace = new PrefillPace();
        pace.Decoded(Milliseconds(20));
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(3, pace.Next(3));
            pace.Prefilled(3, Milliseconds(1));
        }
    }

    private static TimeSpan Milliseconds(double value) => TimeSpan.FromMilliseconds(value);
}
