namespace Slipway.Tests;

/// <summary>Requests with something impossible in each property: refused at the call, never halfway.</summary>
public sealed class HostileRequestTests
{
    private const int MaxMessage = 2_000;

    private static readonly GenerationRequest Good = new() { PromptIds = [1, 2, 3], MaxOutputTokens = 2 };
    private static readonly BeamSearchRequest GoodBeams = new() { PromptIds = [1, 2, 3], MaxOutputTokens = 2 };

    private static readonly Dictionary<string, (GenerationRequest Request, string Message)> Refused = new(
        StringComparer.Ordinal)
    {
        ["null prompt"] = (Good with { PromptIds = null! }, "Value cannot be null. (Parameter 'request.PromptIds')"),
        ["null sampling"] = (Good with { Sampling = null! }, "Value cannot be null. (Parameter 'request.Sampling')"),
        ["null processors"] = (Good with { LogitsProcessors = null! },
            "Value cannot be null. (Parameter 'request.LogitsProcessors')"),
        ["null processor"] = (Good with { LogitsProcessors = [null!] },
            "LogitsProcessors holds a null; expected processors. Leave it out. (Parameter 'request')"),
        ["null stop sequences"] = (Good with { StopSequences = null! },
            "Value cannot be null. (Parameter 'request.StopSequences')"),
        ["null stop sequence"] = (Good with { StopSequences = ["a", null!] },
            "A stop sequence is empty. Leave it out. (Parameter 'request')"),
        ["empty stop sequence"] = (Good with { StopSequences = [""] },
            "A stop sequence is empty. Leave it out. (Parameter 'request')"),
        ["null stop tokens"] = (Good with { StopTokenIds = null! },
            "Value cannot be null. (Parameter 'request.StopTokenIds')"),
        ["stop token below"] = (Good with { StopTokenIds = [-1] }, OutsideVocabulary(-1, "StopTokenIds")),
        ["stop token above"] = (Good with { StopTokenIds = [int.MaxValue] },
            OutsideVocabulary(int.MaxValue, "StopTokenIds")),
        ["null bad words"] = (With(new() { BadWords = null! }), "Value cannot be null. (Parameter 'request.BadWords')"),
        ["null bad word"] = (With(new() { BadWords = [[1], null!] }),
            "An entry of BadWords is null or empty. Leave it out. (Parameter 'request')"),
        ["empty bad word"] = (With(new() { BadWords = [[]] }),
            "An entry of BadWords is null or empty. Leave it out. (Parameter 'request')"),
        ["bad word outside"] = (With(new() { BadWords = [[1, 256]] }), OutsideVocabulary(256, "BadWords")),
        ["null breakers"] = (With(new() { DrySequenceBreakers = null! }),
            "Value cannot be null. (Parameter 'request.DrySequenceBreakers')"),
        ["bias outside"] = (With(Bias(-5, 1)), OutsideVocabulary(-5, "LogitBias")),
        ["bias NaN"] = (With(Bias(5, float.NaN)), BadBias("NaN")),
        ["bias infinite"] = (With(Bias(5, float.PositiveInfinity)), BadBias("Infinity")),
        ["bias minus infinite"] = (With(Bias(5, float.NegativeInfinity)), BadBias("-Infinity")),
        ["temperature NaN"] = (With(new() { Temperature = double.NaN }),
            "Temperature is 'NaN'; expected from 0 to 10000. (Parameter 'request')"),
        ["temperature infinite"] = (With(new() { Temperature = double.PositiveInfinity }),
            "Temperature is 'Infinity'; expected from 0 to 10000. (Parameter 'request')"),
        ["temperature below"] = (With(new() { Temperature = -0.5 }),
            "Temperature is '-0.5'; expected from 0 to 10000. (Parameter 'request')"),
        ["top-k below"] = (With(new() { TopK = -1 }),
            "TopK is '-1'; expected from 0 to 2147483647. (Parameter 'request')"),
        ["top-p NaN"] = (With(new() { TopP = double.NaN }),
            "TopP is 'NaN'; expected from 0 to 1. (Parameter 'request')"),
        ["min-p NaN"] = (With(new() { MinP = double.NaN }),
            "MinP is 'NaN'; expected from 0 to 1. (Parameter 'request')"),
        ["typical-p NaN"] = (With(new() { TypicalP = double.NaN }),
            "TypicalP is 'NaN'; expected from 0 to 1. (Parameter 'request')"),
        ["epsilon NaN"] = (With(new() { EpsilonCutoff = double.NaN }),
            "EpsilonCutoff is 'NaN'; expected from 0 to 1. (Parameter 'request')"),
        ["eta NaN"] = (With(new() { EtaCutoff = double.NaN }),
            "EtaCutoff is 'NaN'; expected from 0 to 1. (Parameter 'request')"),
        ["repetition NaN"] = (With(new() { RepetitionPenalty = double.NaN }),
            "RepetitionPenalty is 'NaN'; expected from 0.001 to 1000. (Parameter 'request')"),
        ["repetition 0"] = (With(new() { RepetitionPenalty = 0 }),
            "RepetitionPenalty is '0'; expected from 0.001 to 1000. (Parameter 'request')"),
        ["presence NaN"] = (With(new() { PresencePenalty = double.NaN }),
            "PresencePenalty is 'NaN'; expected from -100 to 100. (Parameter 'request')"),
        ["frequency infinite"] = (With(new() { FrequencyPenalty = double.NegativeInfinity }),
            "FrequencyPenalty is '-Infinity'; expected from -100 to 100. (Parameter 'request')"),
        ["dry NaN"] = (With(new() { DryMultiplier = double.NaN }),
            "DryMultiplier is 'NaN'; expected from 0 to 1000. (Parameter 'request')"),
        ["dry base"] = (With(new() { DryBase = double.PositiveInfinity }),
            "DryBase is 'Infinity'; expected from 1 to 100. (Parameter 'request')"),
        ["dry length"] = (With(new() { DryAllowedLength = 0 }),
            "DryAllowedLength is '0'; expected from 1 to 2147483647. (Parameter 'request')"),
        ["xtc NaN"] = (With(new() { XtcProbability = double.NaN }),
            "XtcProbability is 'NaN'; expected from 0 to 1. (Parameter 'request')"),
        ["xtc threshold"] = (With(new() { XtcThreshold = 0 }),
            "XtcThreshold is '0'; expected from 1E-06 to 1. (Parameter 'request')"),
        ["mirostat NaN"] = (With(new() { MirostatTarget = double.NaN }),
            "MirostatTarget is 'NaN'; expected from 0 to 64. (Parameter 'request')"),
        ["mirostat rate"] = (With(new() { MirostatRate = double.NaN }),
            "MirostatRate is 'NaN'; expected from 0 to 1. (Parameter 'request')"),
        ["n-gram"] = (With(new() { NoRepeatNgramSize = -1 }),
            "NoRepeatNgramSize is '-1'; expected from 0 to 2147483647. (Parameter 'request')"),
        ["max tokens"] = (Good with { MaxOutputTokens = int.MinValue },
            "MaxOutputTokens is '-2147483648'; expected at least 1, or null for no limit. (Parameter 'request')"),
        ["min tokens"] = (Good with { MinOutputTokens = -1 },
            "MinOutputTokens is '-1'; expected 0 or more. (Parameter 'request')"),
        ["answers"] = (Good with { NumReturnSequences = int.MaxValue },
            "NumReturnSequences is '2147483647'; expected from 1 to 64. (Parameter 'request')"),
        ["log-probabilities"] = (Good with { LogProbabilities = int.MaxValue },
            "LogProbabilities is '2147483647'; expected 0 to 100, or null for none. (Parameter 'request')"),
        ["draft tokens"] = (Good with { DraftTokens = int.MaxValue },
            "DraftTokens is '2147483647'; expected 0 to 64, or null for the model's own. (Parameter 'request')"),
        ["timeout"] = (Good with { Timeout = TimeSpan.MaxValue },
            $"Timeout is '{TimeSpan.MaxValue}'; expected more than zero and at most a day, or null for no limit. "
            + "(Parameter 'request')"),
    };

    private static readonly Dictionary<string, (BeamSearchRequest Request, string Message)> RefusedBeams = new(
        StringComparer.Ordinal)
    {
        ["null prompt"] = (GoodBeams with { PromptIds = null! },
            "Value cannot be null. (Parameter 'request.PromptIds')"),
        ["null stop tokens"] = (GoodBeams with { StopTokenIds = null! },
            "Value cannot be null. (Parameter 'request.StopTokenIds')"),
        ["stop token outside"] = (GoodBeams with { StopTokenIds = [256] }, OutsideVocabulary(256, "StopTokenIds")),
        ["beams"] = (GoodBeams with { NumBeams = int.MaxValue },
            "NumBeams is '2147483647'; expected from 1 to 64. (Parameter 'request')"),
        ["length penalty NaN"] = (GoodBeams with { LengthPenalty = double.NaN },
            "LengthPenalty is 'NaN'; expected from -32 to 32. (Parameter 'request')"),
        ["length penalty"] = (GoodBeams with { LengthPenalty = 1e9 },
            "LengthPenalty is '1000000000'; expected from -32 to 32. (Parameter 'request')"),
        ["repetition"] = (GoodBeams with { RepetitionPenalty = double.NaN },
            "RepetitionPenalty is 'NaN'; expected from 0.001 to 1000. (Parameter 'request')"),
        ["answers"] = (GoodBeams with { NumReturnSequences = 5 },
            "NumReturnSequences is '5'; expected from 1 to NumBeams, '4'. (Parameter 'request')"),
    };

    // As large as a count can be, and as odd as a number can be, without being wrong.
    private static readonly Dictionary<string, GenerationRequest> Taken = new(StringComparer.Ordinal)
    {
        ["top-k"] = With(new() { Temperature = 1, TopK = int.MaxValue }),
        ["top-k alone"] = With(new() { TopK = int.MaxValue }),
        ["n-gram"] = With(new() { NoRepeatNgramSize = int.MaxValue }),
        ["dry length"] = With(new() { DryMultiplier = 1, DryAllowedLength = int.MaxValue }),
        ["dry penalty"] = With(
            new() { DryMultiplier = 1000, DryBase = 100, DryAllowedLength = 1 }) with { PromptIds = new int[100] },
        ["max tokens"] = Good with { MaxOutputTokens = int.MaxValue },
        ["min tokens"] = Good with { MaxOutputTokens = 5, MinOutputTokens = 5 },
        ["seed"] = With(new() { Temperature = 1, Seed = long.MinValue }),
        ["priority"] = Good with { Priority = int.MinValue },
        ["log-probabilities"] = Good with { LogProbabilities = 100 },
        ["least bias"] = With(Bias(5, float.MinValue) with { Temperature = 1 }),
        ["greatest bias"] = With(Bias(5, float.MaxValue) with { Temperature = 1e-3, RepetitionPenalty = 1e-3 }),
        ["least temperature"] = With(new() { Temperature = double.Epsilon, TopP = 0.9 }),
        ["top-p 0"] = With(new() { Temperature = 1, TopP = 0 }),
        ["penalties"] = With(
            new() { Temperature = 1, PresencePenalty = -100, FrequencyPenalty = -100, RepetitionPenalty = 1000 }),
        ["unknown breakers"] = With(new() { DryMultiplier = 1, DrySequenceBreakers = [-1, int.MaxValue] }),
        ["long stop sequence"] = Good with { StopSequences = [new string('x', 1_700_000)] },
        ["many stop sequences"] = Good with { StopSequences = [
            .. Enumerable.Range(0, 10_000).Select(i => $"<stop {i}>")] },
    };

    public static TheoryData<string> RefusedNames => [.. Refused.Keys];

    public static TheoryData<string> RefusedBeamNames => [.. RefusedBeams.Keys];

    public static TheoryData<string> TakenNames => [.. Taken.Keys];

    [Theory]
    [MemberData(nameof(RefusedNames))]
    public void GenerateAsync_Hostile_IsRefusedAtTheCall(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder("llama-int4"));
        var (request, message) = Refused[name];
        var error = Assert.ThrowsAny<ArgumentException>(() => model.GenerateAsync(request));
        Assert.Equal(message, error.Message);
    }

    [Theory]
    [MemberData(nameof(RefusedBeamNames))]
    public async Task BeamSearchAsync_Hostile_IsRefused(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder("llama-int4"));
        var (request, message) = RefusedBeams[name];
        var error = await Assert.ThrowsAnyAsync<ArgumentException>(
            () => model.BeamSearchAsync(request, TestContext.Current.CancellationToken));
        Assert.Equal(message, error.Message);
    }

    [Theory]
    [MemberData(nameof(TakenNames))]
    public async Task GenerateAsync_ExtremeButPossible_Answers(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder("llama-int4"));
        var tokens = await model.CollectAsync(Taken[name]);
        Assert.NotEmpty(tokens);
        Assert.NotNull(tokens[^1].FinishReason);
        Assert.All(tokens, token => Assert.InRange(token.LogProbability ?? -1, float.MinValue, 0));
    }

    [Fact]
    public void GenerateAsync_LongAdapterName_IsShortened()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("llama-int4"));
        var error = Assert.Throws<ArgumentException>(
            () => model.GenerateAsync(Good with { Adapter = new string('x', 1_700_000) }));
        Assert.InRange(error.Message.Length, 20, MaxMessage);
    }

    private static GenerationRequest With(SamplingOptions sampling) => Good with { Sampling = sampling };

    private static SamplingOptions Bias(int id, float value) => new()
    {
        LogitBias = new Dictionary<int, float> { [id] = value },
    };

    private static string OutsideVocabulary(int id, string list)
        => $"Token id '{id}' in {list} is outside the vocabulary of '256' entries. (Parameter 'request')";

    private static string BadBias(string value)
        => $"LogitBias of token id '5' is '{value}'; expected a finite number. To forbid a token, add it to BadWords. "
            + "(Parameter 'request')";
}
