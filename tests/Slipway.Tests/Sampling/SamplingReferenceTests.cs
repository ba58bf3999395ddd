using System.Text.Json;
using Slipway.Sampling;
using Slipway.Testing;

namespace Slipway.Tests.Sampling;

public sealed class SamplingReferenceTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, Func<JsonElement, SamplingOptions>> Options = new(StringComparer.Ordinal)
    {
        ["temperature"] = value => new() { Temperature = value.GetDouble() },
        ["top_k"] = value => new() { Temperature = 1, TopK = value.GetInt32() },
        ["top_p"] = value => new() { Temperature = 1, TopP = value.GetDouble() },
        ["min_p"] = value => new() { Temperature = 1, MinP = value.GetDouble() },
        ["typical_p"] = value => new() { Temperature = 1, TypicalP = value.GetDouble() },
        ["repetition_penalty"] = value => new() { RepetitionPenalty = value.GetDouble() },
        ["no_repeat_ngram_size"] = value => new() { NoRepeatNgramSize = value.GetInt32() },
        ["top_p+top_k+temperature"] = value => new()
        {
            Temperature = value[0].GetDouble(),
            TopK = value[1].GetInt32(),
            TopP = value[2].GetDouble(),
        },
    };

    public static TheoryData<int, string> Cases
    {
        get
        {
            var data = new TheoryData<int, string>();
            if (SharedAssets.Available)
            {
                foreach (var (index, item) in Read().EnumerateArray().Index())
                {
                    data.Add(index, item.GetProperty("processor").GetString()!);
                }
            }

            return data;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public void Process_RecordedLogits_GivesTheReference(int index, string processor)
    {
        var item = Read()[index];
        var request = new GenerationRequest
        {
            PromptIds = [0], Sampling = Options[processor](item.GetProperty("value")),
        };
        int[] history = [.. item.GetProperty("history").EnumerateArray().Select(id => id.GetInt32())];
        float[] logits = [.. item.GetProperty("logits").EnumerateArray().Select(logit => logit.GetSingle())];
        var processors = LogitsProcessors.For(request.Sampling).ToArray();
        Assert.NotEmpty(processors);
        foreach (var step in processors)
        {
            // The reference knows one history; where it is split into prompt and answer makes no difference here.
            step.Process(history.AsSpan(0, 5), history.AsSpan(5), logits);
        }

        // Logits that differ by a constant are the same distribution.
        float?[] expected = [.. item.GetProperty("result").EnumerateArray()
            .Select(value => value.ValueKind == JsonValueKind.Null ? (float?)null : value.GetSingle())];
        var (expectedShift, shift) = (expected.Max()!.Value, logits.Max());
        var max = 0f;
        for (var id = 0; id < logits.Length; id++)
        {
            if (expected[id] is { } logit)
            {
                max = Math.Max(max, Math.Abs(logits[id] - shift - (logit - expectedShift)));
            }
            else
            {
                Assert.Equal(float.NegativeInfinity, logits[id]);
            }
        }

        output.WriteLine($"{processor}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 2e-5f);
    }

    private static JsonElement Read()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(SharedAssets.Path("sampling", "expected.json")));
        return document.RootElement.GetProperty("processors").Clone();
    }
}
