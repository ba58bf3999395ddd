using Slipway.Generation.Detokenization;

namespace Slipway.Tests.Generation.Detokenization;

public sealed class StopSequencesTests
{
    [Fact]
    public void Append_StartOfAStopSequence_HoldsItBack()
    {
        var stop = new StopSequences(["</s>", "END"]);
        Assert.Equal("Hello ", stop.Append("Hello <"));
        Assert.Equal("", stop.Append("/"));
        Assert.Equal("</b", stop.Append("b"));
        Assert.Equal(" ", stop.Append(" EN"));
        Assert.Equal("", stop.Append("D and more"));
        Assert.True(stop.IsMatched);
        Assert.Equal("", stop.Append("after"));
        Assert.Equal("", stop.Flush());
    }

    [Fact]
    public void Append_TwoStopSequences_EndsAtTheFirstInTheText()
    {
        var stop = new StopSequences(["late", "early"]);
        Assert.Equal("x ", stop.Append("x early late"));
        Assert.True(stop.IsMatched);
    }

    [Fact]
    public void Flush_NoStopSequence_GivesWhatWasHeldBack()
    {
        var stop = new StopSequences(["\n\n"]);
        Assert.Equal("a", stop.Append("a\n"));
        Assert.Equal("\n", stop.Flush());
        Assert.False(stop.IsMatched);
    }

    [Fact]
    public void Append_AnySplit_GivesTheSameText()
    {
        // Seeded pieces of a small alphabet, so that starts of stop sequences are frequent.
        var random = new Random(5);
        for (var round = 0; round < 2_000; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => "ab"[random.Next(2)]));
            string[] sequences = [.. Enumerable.Range(0, random.Next(1, 4))
                .Select(_ => string.Concat(Enumerable.Range(0, random.Next(2, 6)).Select(_ => "ab"[random.Next(2)])))];
            var stop = new StopSequences(sequences);
            var result = "";
            for (var start = 0; start < text.Length;)
            {
                var length = Math.Min(random.Next(1, 4), text.Length - start);
                result += stop.Append(text.Substring(start, length));
                start += length;
            }

            result += stop.Flush();

            // The text ends where a stop sequence is first complete, without the longest that ends there.
            var end = Enumerable.Range(1, text.Length).FirstOrDefault(length => sequences.Any(text[..length].EndsWith));
            Assert.Equal(end > 0, stop.IsMatched);
            Assert.Equal(end > 0
                ? text[..(end - sequences.Where(text[..end].EndsWith).Max(x => x.Length))] : text, result);
        }
    }
}
