using Slipway.Testing;
using Slipway.Training.Corpus;

namespace Slipway.Training.Tests.Corpus;

public sealed class GrammarReaderTests
{
    private const string Minimal = """
        {
          "heldOutPercent": 50,
          "values": { "flag": { "kind": "choice", "choices": [{ "value": true }] } },
          "families": [],
          "smallTalk": [],
          "openers": [], "closers": [], "joiners": []
        }
        """;

    [Fact]
    public void Read_MinimalGrammar_IsAccepted() => Assert.Single(Read(Minimal).Values.Known);

    [Theory]
    [InlineData("[1]", "'the document' in '{0}' is not an object; expected {...}.")]
    [InlineData("{\"heldOutPercent\": 99}", "'heldOutPercent' in '{0}' is '99'; expected 1 to 50.")]
    [InlineData("{\"heldOutPercent\": \"x\"}", "'heldOutPercent' in '{0}' is not a number.")]
    public void Read_WrongDocument_SaysWhereAndWhat(string json, string message) => AssertMessage(json, message);

    [Fact]
    public void Read_NoJson_NamesTheLine()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "grammar.json");
        File.WriteAllText(path, "{\n\"values\": oops}");
        var error = Assert.Throws<GrammarException>(() => GrammarReader.Read(path));
        Assert.StartsWith($"'line 2' in '{path}' is not JSON: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(path, error.Path);
    }

    [Theory]
    [InlineData("\"choice\"", "\"chance\"",
        "'values.flag.kind' in '{0}' is 'chance'; expected 'words', 'syllables', 'number', 'choice', 'pattern', "
        + "'mix'.")]
    [InlineData("\"choices\"", "\"options\"",
    "'values.flag' in '{0}' has the unknown key 'options'; expected 'kind', 'choices'.")]
    [InlineData("[{ \"value\": true }]", "[]", "'values.flag.choices' in '{0}' is empty.")]
    [InlineData("\"kind\": \"choice\"", "\"kind\": \"words\", \"words\": \"a\"",
        "'values.flag' in '{0}' has the unknown key 'choices'; expected 'kind', 'words', 'shared', 'proper'.")]
    [InlineData("{ \"kind\": \"choice\", \"choices\": [{ \"value\": true }] }",
    "{ \"kind\": \"words\", \"words\": \"a\" }",
        "'values.flag' in '{0}' has too few words for both splits; add words or set 'shared'.")]
    [InlineData("{ \"kind\": \"choice\", \"choices\": [{ \"value\": true }] }",
    "{ \"kind\": \"mix\", \"of\": { \"hue\": 1 } }",
        "'values.flag' in '{0}' uses the value 'hue', which 'values' does not define before it is used.")]
    [InlineData("\"openers\": []", "\"openers\": [\"(a\"]",
    "'openers' in '{0}' has a pattern that has a group without its ')'.")]
    [InlineData("\"families\": []",
    "\"families\": [{ \"name\": \"f\", \"topic\": \"t\", \"slots\": { \"on\": \"flag\" }, \"intents\": [{ "
    + "\"requests\": [\"go {off}\"] }] }]",
    "'families[0].intents' in '{0}' has 'go {off}', whose slot 'off' 'slots' does not define.")]
    public void Read_WrongValue_SaysWhereAndWhat(string part, string replacement, string message) =>
        AssertMessage(Minimal.Replace(part, replacement, StringComparison.Ordinal), message);

    private static void AssertMessage(string json, string message)
    {
        var error = Assert.Throws<GrammarException>(() => Read(json));
        Assert.Equal(message.Replace("{0}", error.Path, StringComparison.Ordinal), error.Message);
    }

    private static Grammar Read(string json)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "grammar.json");
        File.WriteAllText(path, json);
        return GrammarReader.Read(path);
    }
}
