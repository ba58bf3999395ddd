using System.Security.Cryptography;
using System.Text;
using Slipway.Testing;
using Slipway.Training.Corpus;

namespace Slipway.Training.Tests.Corpus;

/// <summary>Holds the device assistant's tests apart from what it is trained on.</summary>
public sealed class FrozenTestTests
{
    private const string NewWordings = "device-assistant.new-wordings.grammar.json";
    private const string NewTools = "device-assistant.new-tools.grammar.json";

    private static readonly Grammar Trained = Read("device-assistant.wide.grammar.json");

    [Theory]
    [InlineData(NewWordings)]
    [InlineData(NewTools)]
    public void Wordings_OfAFrozenTest_AreNoneOfTheTrainingGrammars(string file)
    {
        var known = Forms(Trained);
        var forms = Forms(Read(file));
        Assert.True(known.Count > 1000 && forms.Count > 100, $"{known.Count} and {forms.Count} wordings");
        Assert.Empty(forms.Intersect(known));
    }

    [Fact]
    public void Training_OfTheWideGrammar_HasNothingThatTheFirstGrammarHoldsOut()
    {
        var (first, wide) = (Forms(Read("device-assistant.grammar.json"), CorpusSplit.HeldOut),
            Forms(Trained, CorpusSplit.Training));
        Assert.True(first.Count > 700 && wide.Count > 30_000, $"{first.Count} and {wide.Count} wordings");
        Assert.Empty(first.Intersect(wide));
        Assert.Empty(Forms(Trained, CorpusSplit.HeldOut).Intersect(wide));
    }

    [Fact]
    public void Tools_OfTheTestOfNewTools_AreNoneOfTheTrainingGrammars()
    {
        var test = Read(NewTools);
        Assert.Empty(test.Families.Select(family => family.Name).Intersect(
            Trained.Families.Select(family => family.Name)));
        Assert.Empty(Tools(test).Intersect(Tools(Trained)));
    }

    [Fact]
    public void Tools_OfTheTestOfNewWordings_AreTheTrainingGrammars()
        => Assert.Empty(Tools(Read(NewWordings)).Except(Tools(Trained)));

    [Theory]
    [InlineData(NewWordings, "113b7cd31e727bcf5456f60e776448ca")]
    [InlineData(NewTools, "76a9d230e3b0c216da32c95f54fcf333")]
    public void Conversations_OfAFrozenTest_ArePinned(string file, string hash)
    {
        var text = string.Join('\n', new GrammarCorpus(PathOf(file), 1, 0, 0).ReadHeldOut(1000)
            .Select(one => one.Messages.ToJsonString() + one.Tools?.ToJsonString()));
        Assert.Equal(hash, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32]);
    }

    private static HashSet<string> Forms(Grammar grammar) =>
        [.. Enum.GetValues<CorpusSplit>().SelectMany(split => Forms(grammar, split))];

    private static HashSet<string> Forms(Grammar grammar, CorpusSplit split) =>
    [
        .. from family in grammar.Families
           from intent in family.Intents
           from wordings in new[] { intent.Requests, intent.Phrases, intent.FollowUps }
           from wording in wordings.All(split)
           select Pattern.Fill(wording, _ => "{}"),
    ];

    private static HashSet<string> Tools(Grammar grammar)
        => [.. grammar.Families.SelectMany(family => family.Shapes).SelectMany(shape => shape)
            .SelectMany(tool => tool.Names)];

    private static Grammar Read(string file) => new GrammarCorpus(PathOf(file), 1, 0, 0).Grammar;

    private static string PathOf(string file) => Path.Combine(SharedAssets.Repository, "export-scripts", file);
}
