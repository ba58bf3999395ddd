using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Testing;
using Slipway.Training.Corpus;
using Slipway.Training.Corpus.Values;

namespace Slipway.Training.Tests.Corpus;

public sealed class GrammarCorpusTests
{
    private static readonly GrammarCorpus Corpus = new(
        DeviceAssistant, seed: 7, trainingCount: 3000, evaluationCount: 50);

    private static string DeviceAssistant =>
        Path.Combine(SharedAssets.Repository, "export-scripts", "device-assistant.grammar.json");

    [Fact]
    public void ReadTraining_SameSeed_GivesThePinnedConversations()
    {
        var text = string.Join('\n', Corpus.ReadTraining().Take(200)
            .Select(one => one.Messages.ToJsonString() + one.Tools?.ToJsonString()));
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];
        Assert.Equal("17bf5579bf702216ab0b302966af4f25", hash);
    }

    [Fact]
    public void ReadTraining_OtherSeed_GivesOtherConversations()
    {
        var other = new GrammarCorpus(DeviceAssistant, seed: 8, trainingCount: 1, evaluationCount: 0);
        Assert.NotEqual(
            Corpus.ReadTraining().First().Messages.ToJsonString(), other.ReadTraining()
            .Single().Messages.ToJsonString());
    }

    [Fact]
    public void Read_EvaluationAndHeldOut_ShareNoConversation()
    {
        var evaluation = Corpus.ReadEvaluation().Select(one => one.Messages.ToJsonString()).ToHashSet();
        Assert.Equal(50, evaluation.Count);
        Assert.DoesNotContain(Corpus.ReadHeldOut(50), one => evaluation.Contains(one.Messages.ToJsonString()));
    }

    [Fact]
    public void Splits_Wordings_AreDisjoint()
    {
        var (training, heldOut) = (Wordings(CorpusSplit.Training), Wordings(CorpusSplit.HeldOut));
        Assert.True(training.Count > 4000 && heldOut.Count > 700, $"{training.Count} and {heldOut.Count} wordings");
        Assert.Empty(training.Intersect(heldOut));

        HashSet<string> Wordings(CorpusSplit split) => Corpus.Grammar.Families.SelectMany(family => family.Intents)
            .SelectMany(intent => intent.Requests.All(split).Concat(intent.Phrases.All(split))
            .Concat(intent.FollowUps.All(split)))
            .Concat(Corpus.Grammar.SmallTalk.SelectMany(talk => talk.Requests.All(split)))
            .Select(wording => Pattern.Fill(wording, _ => "…"))
            .ToHashSet(StringComparer.Ordinal);
    }

    [Fact]
    public void Splits_EntityNames_AreDisjoint()
    {
        var random = new SeededRandom(1);
        foreach (var (name, kind) in Corpus.Grammar.Values.Known)
        {
            if (kind is SyllablesKind or WordsKind { IsShared: false })
            {
                Assert.Empty(Draw(kind, CorpusSplit.Training).Intersect(Draw(kind, CorpusSplit.HeldOut)));
            }
        }

        HashSet<string> Draw(ValueKind kind, CorpusSplit split) => Enumerable.Range(0, 400)
            .Select(_ => kind.Draw(random, split).Text.ToLowerInvariant()).ToHashSet(StringComparer.Ordinal);
    }

    [Fact]
    public void Splits_ToolsOfferedTogether_AreDisjoint()
    {
        var training = Corpus.ReadTraining().Select(one => Tools(one.Tools)).ToHashSet(StringComparer.Ordinal);
        var heldOut = Corpus.ReadHeldOut(1000).Select(one => Tools(one.Tools)).Where(key => key.Length > 0);
        Assert.DoesNotContain(heldOut, training.Contains);

        static string Tools(JsonArray? tools) => string.Join(' ', (tools ?? [])
            .Select(tool => tool!["function"]!["name"]!.GetValue<string>()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Splits_WholeRequestsThatCallTools_AreDisjoint()
    {
        var training = Corpus.ReadTraining().SelectMany(one => Requests(one.Messages))
            .ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(Corpus.ReadHeldOut(1000).SelectMany(one => Requests(one.Messages)), training.Contains);

        static IEnumerable<string> Requests(JsonArray messages) => messages.Index()
            .Where(one => one.Index > 0 && one.Item!["tool_calls"] is not null)
            .Select(one => messages[one.Index - 1]!["content"]!.GetValue<string>().ToLowerInvariant());
    }

    [Fact]
    public void ReadHeldOut_Calls_MatchTheToolsOffered()
    {
        var calls = 0;
        foreach (var conversation in Corpus.ReadHeldOut(600))
        {
            foreach (var call in conversation.Messages.SelectMany(message => message!["tool_calls"] as JsonArray ?? []))
            {
                calls++;
                var function = call!["function"]!;
                var schema = conversation.Tools!.Select(tool => tool!["function"]!)
                    .Single(
                        tool =>
                            tool["name"]!.GetValue<string>() == function["name"]!.GetValue<string>())["parameters"]!;
                var arguments = function["arguments"]!.AsObject();
                var properties = schema["properties"]!.AsObject();
                Assert.All(arguments, argument => Assert.True(properties.ContainsKey(argument.Key)));
                Assert.All(schema["required"]!.AsArray(),
                    name => Assert.True(arguments.ContainsKey(name!.GetValue<string>())));
                Assert.Equal(
                    properties.Select(one => one.Key).Where(arguments.ContainsKey), arguments.Select(one => one.Key));
            }
        }

        Assert.True(calls > 400, $"{calls} calls");
    }

    [Fact]
    public void ReadHeldOut_ManyConversations_HaveEveryKindAndLeaveNoSlotOpen()
    {
        var conversations = Corpus.ReadHeldOut(600).ToList();
        Assert.Equal(
            ["answer", "call", "follow-up", "refusal", "small-talk", "two-calls"],
            conversations.Select(one => one.Kind).Distinct().Order(StringComparer.Ordinal));
        Assert.All(conversations, one => Assert.All(
            one.Messages.Where(message => message!["role"]!.GetValue<string>() != "tool"),
            message => Assert.DoesNotContain('{', message!["content"]!.GetValue<string>())));
    }

    [Fact]
    public void ReadHeldOut_CallConversations_EndWithTheCall()
    {
        Assert.All(
            Corpus.ReadHeldOut(300),
            one => Assert.Equal(
                one.Kind is "call" or "two-calls" or "follow-up", one.Messages[^1]!["tool_calls"] is not null));
    }
}
