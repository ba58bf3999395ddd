using System.Reflection;
using System.Text.RegularExpressions;
using Slipway.Testing;
using Slipway.Testing.Conformance;

namespace Slipway.Callers.Tests.Conformance;

/// <summary>Tests the contract's tests: each of them fails for a client that breaks its line.</summary>
public sealed partial class ConformanceSuiteTests
{
    private static readonly Dictionary<string, Func<BrokenClient>> Defects = new(StringComparer.Ordinal)
    {
        ["NullMessages_OfBothMethods_ThrowAtTheCall"] = () => new(Inner),
        ["Requests_AtOnce_GetTheAnswersThatTheyGetAlone"] = () =>
        {
            var running = 0; // more than one at once, and all but the first are cut short
            return new(Inner)
            {
                Before = async () =>
                {
                    Interlocked.Increment(ref running);
                    await Task.Delay(50);
                    Interlocked.Decrement(ref running);
                },
                Options = options => options.MaxOutputTokens = running > 0 ? 1 : options.MaxOutputTokens,
            };
        },
        ["Request_OnAContextThatRunsNothing_Ends"] = () => new(Inner) { Before = async () => await Task.Yield() },
        ["GetService_OfANullType_Throws"] = () => new(Inner),
        ["GetService_WithAKey_IsNull"] = () => new(Inner) { Service = (_, key, found) => key ?? found },
        ["GetService_OfAnotherType_IsNull"] = () => new(Inner) { Service = (_, _, found) => found ?? "something" },
        ["GetService_OfAChatClient_IsTheClient"] = () => new(Inner)
        {
            Service = (type, _, found) => type == typeof(IChatClient) ? Inner : found,
        },
        ["GetService_OfMetadata_NamesProviderAndModel"] = () => new(Inner)
        {
            Service = (type, _, found) => type == typeof(ChatClientMetadata)
                ? new ChatClientMetadata("onnx", new Uri("file:///model"), "m") : found,
        },
        ["Cancellation_BeforeTheCall_EndsTheRequest"] = () => new(Inner) { HeedsCancellation = false },
        ["Cancellation_OfAnAnswer_EndsItAndLeavesTheClientUsable"] = () => new(Inner) { HeedsCancellation = false },
        ["Stream_LeftEarly_LeavesTheClientUsable"] = () => Jamming(),
        ["Prompt_LongerThanTheContext_IsAnError"] = () => new(Inner)
        {
            Messages = messages => messages.Select(message => new ChatMessage(message.Role, message.Text[..20])),
        },
        ["Instructions_OfTheOptions_AreASystemMessageBeforeTheOthers"] = () => WithOptions(o => o.Instructions = null),
        ["Temperature_Alone_Samples"] = () => WithOptions(
            o => o.Temperature = o.TopP is null && o.TopK is null ? null : o.Temperature),
        ["Seed_OfTheOptions_MakesTheDrawsRepeatable"] = () => WithOptions(o => o.Seed = null),
        ["TopK_OfOne_TakesTheMostProbableToken"] = () => WithOptions(o => o.TopK = null),
        ["TopP_OfNextToNothing_TakesTheMostProbableToken"] = () => WithOptions(o => o.TopP = null),
        ["Penalties_OfTheOptions_AreTaken"] = () => WithOptions(o => o.FrequencyPenalty *= float.PositiveInfinity),
        ["MaxOutputTokens_Reached_IsTheFinishReasonLength"] = () => WithUpdate(
            update => update.FinishReason = update.FinishReason is null ? null : ChatFinishReason.Stop),
        ["StopSequence_InTheMiddleOfWords_EndsTheTextBeforeIt"] = () => WithOptions(o => o.StopSequences = null),
        ["ModelId_OfTheClient_IsTakenAndTold"] = () => WithUpdate(update => update.ModelId = null),
        ["ConversationId_Unknown_IsAnError"] = () => WithOptions(o => o.ConversationId = null),
        ["AdditionalProperties_Unknown_AreLeftAlone"] = () => WithOptions(
            o => Refuse(o.AdditionalProperties is not null)),
        ["RawRepresentation_OfAnotherClient_IsLeftAlone"] = () => WithOptions(o => o.RawRepresentationFactory = null),
        ["MaxOutputTokens_BelowOne_AreRefused"] = () => WithOptions(
            o => o.MaxOutputTokens = o.MaxOutputTokens < 1 ? 1 : o.MaxOutputTokens),
        ["Options_OfTheCaller_AreNotChanged"] = () => new(Inner) { OwnOptions = o => o.TopK = 40 },
        ["Roles_OfEveryKind_AreTaken"] = () => Refusing(messages => messages.Any(m => m.Role.Value == "critic")),
        ["Contents_ThatAreEmpty_AreTaken"] = () => Refusing(messages => messages.Any(m => m.Contents.Count == 0)),
        ["Content_OfAnUnknownKind_IsSkipped"] = () => Refusing(
            messages => messages.SelectMany(m => m.Contents).Any(content => content is not TextContent)),
        ["History_WithReasoningCallsAndResults_IsTaken"] = () => Refusing(
            messages => messages.SelectMany(m => m.Contents).Any(content => content is TextReasoningContent)),
        ["FunctionResult_OfAnyType_IsItsTextOrItsJson"] = () => new(Inner)
        {
            Messages = messages => messages.Select(message => new ChatMessage(
                message.Role,
                [.. message.Contents.Select(content => content is FunctionResultContent result
                    ? new FunctionResultContent(result.CallId, result.Result?.ToString() ?? "nothing") : content)])),
        },
        ["Image_OfTheUser_IsSeenOrRefused"] = () => new(Inner)
        {
            Messages = messages => messages.Select(message => new ChatMessage(
                message.Role, [.. message.Contents.Where(content => content is not DataContent)])),
        },
        ["Updates_OfOneAnswer_ShareIdsModelAndRole"] = () => WithUpdate(
            update => update.ResponseId = Guid.NewGuid().ToString()),
        ["Updates_OfOneAnswer_EndWithTheFinishReason"] = () => WithUpdate(update => update.FinishReason = null),
        ["Updates_OfOneAnswer_CarryUsageOnce"] = () => new(Inner)
        {
            Updates = updates => [.. updates, updates[^1]],
        },
        ["Updates_OfOneAnswer_AreNeverEmpty"] = () => new(Inner)
        {
            Updates = updates => [new ChatResponseUpdate(ChatRole.Assistant, ""), .. updates],
        },
        ["Updates_OfOneAnswer_CutNoCharacter"] = () => new(Inner)
        {
            Updates = updates => [new ChatResponseUpdate(ChatRole.Assistant, "\uD83D"), .. updates],
        },
        ["Updates_Folded_EqualTheResponse"] = () => new(Inner)
        {
            Response = response => response.Messages[0].Contents.Insert(0, new TextContent("Well, ")),
        },
        ["Response_OfARequest_CarriesIdsRoleAndReason"] = () => WithUpdate(update => update.MessageId = null),
        ["Usage_OfAResponse_AddsUp"] = () => new(Inner)
        {
            Response = response => response.Usage!.TotalTokenCount = response.Usage.OutputTokenCount,
        },
        ["RequiredTool_IsCalledWholly"] = () => WithOptions(o => o.Tools = null),
        ["RequiredFunction_ByName_IsTheOneThatIsCalled"] = () => WithOptions(
            o => o.ToolMode = o.ToolMode is RequiredChatToolMode ? ChatToolMode.RequireSpecific("open_door") : null),
        ["ToolModeNone_CallsNothing"] = () => WithOptions(o => o.ToolMode = ChatToolMode.RequireAny),
        ["AllowMultipleToolCalls_False_EndsAfterTheFirst"] = () => new(Inner)
        {
            Updates = updates =>
                [.. updates.SelectMany(u => u.Contents.Any(c => c is FunctionCallContent) ? [u, u] : new[] { u })],
        },
        ["Call_ThatTheLimitCutsOff_IsNoWholeCall"] = () => WithUpdate(update =>
        {
            foreach (var call in update.Contents.OfType<FunctionCallContent>())
            {
                call.Exception = null;
            }
        }),
        ["FunctionInvocation_AroundTheClient_RunsTheCalls"] = () => WithUpdate(update => update.Contents =
            [.. update.Contents.Select(c => c is FunctionCallContent call ? new TextContent(call.Name) : c)]),
        ["Json_AskedFor_IsADocument"] = () => WithOptions(o => o.ResponseFormat = null),
        ["Answer_OfAType_IsOne"] = () => WithOptions(o => o.ResponseFormat = null),
        ["Reasoning_OfTheModel_IsNoText"] = () => Reasoning(update => update.Contents =
            [.. update.Contents.Select(c => c is TextReasoningContent text ? new TextContent(text.Text) : c)]),
        ["ReasoningOutput_None_ShowsNone"] = () => new(DeviceAssistant.Reasoning)
        {
            Options = o => o.Reasoning = o.Reasoning is null ? null : new() { Effort = ReasoningEffort.Low },
        },
        ["ReasoningEffort_None_EndsIt"] = () => new(DeviceAssistant.Reasoning)
        {
            Options = o => o.Reasoning = o.Reasoning is null ? null : new() { Effort = ReasoningEffort.Low },
        },
    };

    private static readonly MethodInfo[] Lines =
    [
        .. typeof(ChatClientConformanceTests).GetMethods()
            .Where(method => method.GetCustomAttributes<FactAttribute>().Any()),
    ];

    public static TheoryData<string> LineNames => [.. Lines.Select(method => method.Name)];

    private static IChatClient Inner => DeviceAssistant.Client;

    [Theory]
    [MemberData(nameof(LineNames))]
    public async Task Line_OfTheContract_FailsForAClientThatBreaksIt(string line)
    {
        Assert.True(Defects.TryGetValue(line, out var broken), $"'{line}' has no client that breaks it.");
        var method = Array.Find(Lines, method => method.Name == line)!;
        var rows = method.GetCustomAttributes<InlineDataAttribute>()
            .Select(row => row.Data).DefaultIfEmpty([]);
        foreach (var row in rows)
        {
            var error = await Record.ExceptionAsync(async () =>
            {
                if (method.Invoke(
                    new Suite(broken()), BindingFlags.DoNotWrapExceptions, binder: null, row, culture: null) is Task t)
                {
                    await t;
                }
            });
            Assert.NotNull(error);
            Assert.DoesNotContain("$XunitDynamicSkip$", error.Message);
            TestContext.Current.TestOutputHelper!.WriteLine($"{error.GetType().Name}: {error.Message}");
        }
    }

    // A line of the suite's table names tests of the suite, or of a class 'Class.Test' or 'Class' of this repository.
    [Fact]
    public void Table_OfTheSuitesReadme_NamesEveryTestAndNoneThatIsNotThere()
    {
        var readme = File.ReadAllLines(Path.Combine(
            SharedAssets.Repository, "src", "Slipway.Testing.Conformance", "README.md"));
        var named = readme.Where(line => line.StartsWith('|') && line.Count(c => c == '|') == 3)
            .SelectMany(line => TestName().Matches(line.Split('|')[2]).Select(match => match.Groups[1].Value))
            .ToList();
        var sources = Directory.EnumerateFiles(
                Path.Combine(SharedAssets.Repository, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .ToLookup(path => Path.GetFileNameWithoutExtension(path), File.ReadAllText);

        Assert.Empty(LineNames.Select(row => row.Data).Except(named));
        Assert.Empty(named.Where(name => !name.Contains("Tests", StringComparison.Ordinal)).Except(
            LineNames.Select(row => row.Data)));
        Assert.All(
            named.Where(name => name.Contains("Tests", StringComparison.Ordinal)),
            name => Assert.Contains(
                sources[name.Split('.')[0]],
                source => source.Contains($" {name.Split('.')[^1]}", StringComparison.Ordinal)));
    }

    [GeneratedRegex("`([A-Za-z_.]+)`")]
    private static partial Regex TestName();

    private static void Refuse(bool condition)
    {
        if (condition)
        {
            throw new NotSupportedException("This client refuses that.");
        }
    }

    private static BrokenClient WithOptions(Action<ChatOptions> options) => new(Inner) { Options = options };

    private static BrokenClient WithUpdate(Action<ChatResponseUpdate> update) => new(Inner) { Update = update };

    private static BrokenClient Reasoning(Action<ChatResponseUpdate> update)
        => new(DeviceAssistant.Reasoning) { Update = update };

    private static BrokenClient Refusing(Func<IEnumerable<ChatMessage>, bool> condition) => new(Inner)
    {
        Messages = messages =>
        {
            Refuse(condition(messages));
            return messages;
        },
    };

    private static BrokenClient Jamming()
    {
        var isJammed = false;
        return new(Inner) { Left = () => isJammed = true, Options = _ => Refuse(isJammed) };
    }

    private sealed class Suite(IChatClient client) : OnnxChatClientConformanceTests
    {
        protected override IChatClient Client => client;

        protected override ChatCapabilities Capabilities => base.Capabilities | ChatCapabilities.Reasoning;
    }
}
