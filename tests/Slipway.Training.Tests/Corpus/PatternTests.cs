using Slipway.Training.Corpus;

namespace Slipway.Training.Tests.Corpus;

public sealed class PatternTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("(a|b) c", "a c;b c")]
    [InlineData("a[ b]", "a b;a")]
    [InlineData("a[ b| c]", "a b;a c;a")]
    [InlineData("(a|b(c|d))e", "ae;bce;bde")]
    [InlineData("in the {room}", "in the {room}")]
    public void Expand_Pattern_ListsItsTexts(string pattern, string texts) =>
        Assert.Equal(texts.Split(';'), Pattern.Expand(pattern, 100));

    [Theory]
    [InlineData("(a", "has a group without its ')'")]
    [InlineData("[a)", "has a group without its ']'")]
    [InlineData("a)", "closes a group that is not open at character 2")]
    [InlineData("(a|b)(a|b)(a|b)", "stands for more than 4 texts; split it")]
    [InlineData("((((((((((a))))))))))", "nests groups deeper than 8")]
    public void Expand_MalformedPattern_SaysWhatIsWrong(string pattern, string message) =>
        Assert.Equal(message, Assert.Throws<FormatException>(() => Pattern.Expand(pattern, 4)).Message);

    [Fact]
    public void Fill_Slots_PutsValuesIn() =>
        Assert.Equal(
            "light in hall on", Pattern.Fill("light in {room} {state}", slot => slot == "room" ? "hall" : "on"));

    [Theory]
    [InlineData(0, "zero")]
    [InlineData(13, "thirteen")]
    [InlineData(40, "forty")]
    [InlineData(99, "ninety nine")]
    [InlineData(100, null)]
    [InlineData(-1, null)]
    public void NumberWords_Number_SaysIt(int number, string? words) => Assert.Equal(words, NumberWords.Of(number));
}
