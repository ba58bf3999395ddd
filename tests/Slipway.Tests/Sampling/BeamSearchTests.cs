using System.Text.Json;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Tests.Sampling;

public sealed class BeamSearchTests(ITestOutputHelper output)
{
    public static TheoryData<int> Cases
    {
        get
        {
            var data = new TheoryData<int>();
            if (SharedAssets.Available)
            {
                foreach (var (index, _) in Read().GetProperty("cases").EnumerateArray().Index())
                {
                    data.Add(index);
                }
            }

            return data;
        }
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Cases))]
    public async Task BeamSearch_RecordedCase_GivesTheReference(int index)
    {
        var item = Read().GetProperty("cases")[index];
        using var folder = new TemporaryFolder();
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", Read().GetProperty("model").GetString()!)))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using var model = LanguageModel.Load(folder["package"]);
        var ends = Ints(item.GetProperty("eos_token_ids"));
        var answers = await model.BeamSearchAsync(new()
        {
            PromptIds = Ints(item.GetProperty("prompt_ids")),
            MaxOutputTokens = item.GetProperty("max_new_tokens").GetInt32(),
            NumBeams = item.GetProperty("num_beams").GetInt32(),
            NumReturnSequences = item.GetProperty("num_return_sequences").GetInt32(),
            LengthPenalty = item.GetProperty("length_penalty").GetDouble(),
            EarlyStopping = item.GetProperty("early_stopping").GetBoolean(),
            StopTokenIds = ends,
            IgnoreEndOfSequence = true,
        });

        // The reference pads with 0 after the end.
        var sequences = item.GetProperty("sequences").EnumerateArray().Select(Ints).ToArray();
        var expected = sequences.Select(ids => ids[..Length(ids, ends)]).ToArray();
        Assert.Equal(expected, answers.Select(answer => answer.Ids.ToArray()));
        var scores = item.GetProperty("scores").EnumerateArray().Select(score => score.GetDouble());
        var max = answers.Zip(scores, (answer, score) => Math.Abs(answer.Score - score)).Max();
        output.WriteLine($"case {index}: largest difference {max:0.0e+0}");

        // The recorded scores differ from ours by up to 5e-3, more than the logits do; so the score of each answer is
        // held closer too, to the model's own log-probabilities.
        Assert.InRange(max, 0, 5e-3);
        foreach (var answer in answers)
        {
            var prompt = Ints(item.GetProperty("prompt_ids"));
            var scored = await model.ScoreAsync([.. prompt, .. answer.Ids]);
            var sum = scored.Skip(prompt.Length - 1).Sum(value => (double)value);
            var own = sum / Math.Pow(answer.Ids.Count, item.GetProperty("length_penalty").GetDouble());
            Assert.InRange(Math.Abs(own - answer.Score), 0, 2e-4);
        }

        Assert.All(answers, answer => Assert.Equal(
            ends.Contains(answer.Ids[^1]) ? FinishReason.Stop : FinishReason.Length, answer.FinishReason));
    }

    [Fact]
    public async Task BeamSearch_OneBeam_GivesTheGreedyAnswer()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        var greedy = new GenerationRequest
        {
            PromptIds = [5, 9, 200, 14], MaxOutputTokens = 20, LogProbabilities = 0,
            Sampling = new() { NoRepeatNgramSize = 2 },
        };
        var tokens = await model.CollectAsync(greedy);
        var answer = Assert.Single(await model.BeamSearchAsync(new()
        {
            PromptIds = greedy.PromptIds, MaxOutputTokens = 20, NumBeams = 1, LengthPenalty = 0, NoRepeatNgramSize = 2,
        }));
        Assert.Equal(tokens.Select(token => token.Id), answer.Ids);
        Assert.Equal(tokens.Sum(token => token.LogProbability!.Value), answer.Score, 3);
    }

    [Fact]
    public async Task BeamSearch_MoreBeams_IsNoLessProbable()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("llama-int4"), new() { MaxBatchSize = 3 });
        var request = new BeamSearchRequest
        {
            PromptIds = [5, 9, 200, 14], MaxOutputTokens = 5, NumBeams = 1, LengthPenalty = 0,
                IgnoreEndOfSequence = true,
        };
        var one = await model.BeamSearchAsync(request);
        var many = await model.BeamSearchAsync(request with { NumBeams = 12, NumReturnSequences = 12 });
        Assert.True(many[0].Score >= one[0].Score - 1e-4);
        Assert.Equal(12, many.Select(answer => string.Join(' ', answer.Ids)).Distinct().Count());
        Assert.Equal(many.Select(answer => answer.Score).OrderDescending(), many.Select(answer => answer.Score));
    }

    [Fact]
    public async Task BeamSearch_Cancelled_Ends()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("llama-int4"));
        using var source = new CancellationTokenSource();
        var request = new BeamSearchRequest { PromptIds = [5, 9], MaxOutputTokens = 100, NumBeams = 8 };
        var search = model.BeamSearchAsync(request with { IgnoreEndOfSequence = true }, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => search);
        await model.DrainAsync();
    }

    [Theory]
    [InlineData(0, 1, "NumBeams is '0'; expected from 1 to 64. (Parameter 'request')")]
    [InlineData(2, 3, "NumReturnSequences is '3'; expected from 1 to NumBeams, '2'. (Parameter 'request')")]
    public async Task BeamSearch_OutOfRange_IsRefused(int beams, int answers, string message)
    {
        using var model = LanguageModel.Load(PackageCases.Folder("llama-int4"));
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.BeamSearchAsync(new()
        {
            PromptIds = [5], MaxOutputTokens = 3, NumBeams = beams, NumReturnSequences = answers,
        }));
        Assert.Equal(message, error.Message);
    }

    private static int Length(int[] ids, int[] ends)
    {
        var end = Array.FindIndex(ids, ends.Contains);
        return end < 0 ? ids.Length : end + 1;
    }

    private static int[] Ints(JsonElement list) => [.. list.EnumerateArray().Select(id => id.GetInt32())];

    private static JsonElement Read()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(SharedAssets.Path("sampling", "expected.json")));
        return document.RootElement.GetProperty("beam_search").Clone();
    }
}
