using Slipway.Testing;
using Slipway.Training.Corpus;

namespace Slipway.Training.Tests.Corpus;

/// <summary>Pins what a grammar that extends another one adds, and how its patterns are divided.</summary>
public sealed class ExtendedGrammarTests
{
    private const string Below = """
        {
          "heldOutPercent": 30,
          "values": { "flag": { "kind": "choice", "choices": [{ "value": true }] } },
          "families": [{
            "name": "lamp", "topic": "lamps", "slots": { "on": "flag" }, "parameterNames": { "on": ["on"] },
            "shapes": [[{ "names": ["lamp"], "parameters": ["on"] }]],
            "intents": [{
              "name": "on", "fixed": { "on": true }, "answers": ["It is on."],
              "requests": ["(light|lamp|bulb|lantern|torch|candle) (on|up|going|lit|bright)"]
            }]
          }],
          "smallTalk": [], "openers": ["please "], "closers": [], "joiners": []
        }
        """;

    private const string Above = """
        {
          "extends": "below.json",
          "splitBy": "pattern",
          "values": { "level": { "kind": "number", "least": 1, "most": 9 } },
          "families": [
            {
              "name": "lamp", "weight": 4, "parameterNames": { "on": ["state"] },
              "intents": [{
                "name": "on",
                "requests": [
                  "(light|lamp|bulb|lantern|torch|candle) (on|up|going|lit|bright)", "make (it|this) bright",
                  "shine [now]", "glow (a|b)", "beam (a|b)", "flash (a|b)", "gleam (a|b)", "spark (a|b)",
                  "blaze (a|b)", "flare (a|b)"
                ]
              }]
            },
            {
              "name": "fan", "topic": "fans", "slots": { "level": "level" },
              "shapes": [[{ "names": ["fan"], "parameters": ["level"] }]],
              "intents": [{ "requests": ["fan to {level}"] }]
            }
          ],
          "openers": ["now "]
        }
        """;

    [Fact]
    public void Read_FamilyOfTheSameName_JoinsWhatBothSay()
    {
        var grammar = Read(Above);
        Assert.Equal(["lamp", "fan"], grammar.Families.Select(family => family.Name));
        var lamp = grammar.Families[0];
        var intent = Assert.Single(lamp.Intents);
        Assert.Equal("lamps", lamp.Topic);
        Assert.Equal(4, lamp.Weight);
        Assert.Equal(["on", "state"], lamp.ParameterNames["on"]);
        Assert.Single(lamp.Shapes);
        Assert.Equal(["It is on."], intent.Answers);
        Assert.Equal(["flag", "level"], grammar.Values.Known.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(
            ["now ", "please "], Enum.GetValues<CorpusSplit>().SelectMany(grammar.Openers.All)
            .Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Read_SplitByPattern_HoldsOutWholePatterns()
    {
        var intent = Read(Above).Families[0].Intents[0];
        var (training, heldOut) = (intent.Requests.All(CorpusSplit.Training).ToHashSet(),
            intent.Requests.All(CorpusSplit.HeldOut).ToHashSet());
        string[] verbs = ["glow", "beam", "flash", "gleam", "spark", "blaze", "flare"];
        Assert.All(verbs, verb => Assert.Equal(training.Contains(verb + " a"), training.Contains(verb + " b")));
        Assert.All(verbs, verb => Assert.NotEqual(training.Contains(verb + " a"), heldOut.Contains(verb + " a")));
        Assert.Contains(verbs, verb => training.Contains(verb + " a"));
        Assert.Contains(verbs, verb => heldOut.Contains(verb + " a"));
    }

    [Fact]
    public void Read_WordingThatTheGrammarBelowHoldsOut_StaysHeldOut()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["below.json"], Below);
        var below = GrammarReader.Read(folder["below.json"]).Families[0].Intents[0].Requests;
        var above = Read(Above).Families[0].Intents[0].Requests;
        Assert.NotEmpty(below.All(CorpusSplit.HeldOut));
        Assert.Empty(below.All(CorpusSplit.HeldOut).Intersect(above.All(CorpusSplit.Training)));
        Assert.Empty(above.All(CorpusSplit.HeldOut).Intersect(above.All(CorpusSplit.Training)));
    }

    [Theory]
    [InlineData("below.json", "none.json", "'extends' in '{0}' is 'none.json', which does not exist; it starts at this "
        + "folder.")]
    [InlineData("below.json", "above.json", "'extends' in '{0}' is one of more than 8 in a row; is it a ring?")]
    [InlineData("\"pattern\"", "\"word\"", "'splitBy' in '{0}' is 'word'; expected 'wording', 'pattern'.")]
    [InlineData("\"level\": {", "\"flag\": {",
        "'values.flag' in '{0}' is defined already by a grammar that this one extends.")]
    [InlineData("\"weight\": 4", "\"weight\": 0", "'families[0].weight' in '{0}' is '0'; expected 1 to 100.")]
    [InlineData("\"name\": \"on\",", "\"name\": \"on\", \"fixed\": {},", "'families[0].intents[0]' in '{0}' has the "
        + "unknown key 'fixed'; expected 'name', 'requests', 'phrases', 'followUps', 'answers'.")]
    [InlineData("\"splitBy\"", "\"heldOutPercent\": 5, \"splitBy\"", "'the document' in '{0}' has the unknown key "
        + "'heldOutPercent'; expected 'extends', 'splitBy', 'values', 'families', 'smallTalk', 'systemMessages', "
        + "'nameAffixes', 'openers', 'closers'.")]
    public void Read_WrongExtension_SaysWhereAndWhat(string part, string replacement, string message)
    {
        var error = Assert.Throws<GrammarException>(
            () => Read(Above.Replace(part, replacement, StringComparison.Ordinal)));
        Assert.Equal(message.Replace("{0}", error.Path, StringComparison.Ordinal), error.Message);
    }

    private static Grammar Read(string above)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["below.json"], Below);
        File.WriteAllText(folder["above.json"], above);
        return GrammarReader.Read(folder["above.json"]);
    }
}
