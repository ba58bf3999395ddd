using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Guidance;
using Slipway.Tokenization;

namespace Slipway.Evaluation.Guidance;

/// <summary>Measures what holding answers to a tool list costs, without a model.</summary>
/// <remarks>
/// Each round compiles the grammar of eight tools anew and lets one answer after the other be read that calls one of
/// them: first with masks that nobody needed yet, then again. An answer's tokens are those of its text.
/// </remarks>
public static class GuidanceBench
{
    private const string Format = "hermes";

    /// <summary>Measures with a tokenizer.</summary>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="rounds">How often everything is measured; at least 1.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no rounds.</exception>
    public static GuidanceReport Measure(
        HuggingFaceTokenizer tokenizer, int rounds = 5, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        using var document = JsonDocument.Parse(GuidanceSample.Tools);
        var options = new ChatOptions
        {
            Tools = [.. document.RootElement.EnumerateArray().Select(tool => AIFunctionFactory.CreateDeclaration(
                tool.GetProperty("name").GetString()!, null, tool.GetProperty("parameters")))],
        };
        var format = ToolCallFormats.All.First(row => row.Name == Format);
        var answers = GuidanceSample.Calls
            .Select(call => tokenizer.Encode($"{format.Open}\n{call}\n{format.Close}", addSpecialTokens: false))
            .ToList();
        var tags = new[] { format.Open, format.Close }.OfType<string>().ToHashSet();

        var started = Stopwatch.GetTimestamp();
        var table = TokenTable.From(tokenizer, tags);
        var vocabularyTime = Stopwatch.GetElapsedTime(started);
        var (compiles, first, again) = (new List<TimeSpan>(), new List<TimeSpan>(), new List<TimeSpan>());
        var (forced, total) = (0, 0);
        var logits = new float[tokenizer.VocabularySize];

        // The first round is not counted: it meets code that is not compiled yet.
        for (var round = 0; round <= rounds; round++)
        {
            started = Stopwatch.GetTimestamp();
            var guidance = ToolCallGrammar.From(options, format, null, startsInReasoning: false)!
                .ToGuidance(format.Open);
            var automaton = new GrammarAutomaton(guidance.Grammar());
            _ = automaton.Start;
            Add(compiles, Stopwatch.GetElapsedTime(started));
            foreach (var times in new[] { first, again })
            {
                foreach (var answer in answers)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    Read(answer, new(automaton, table, [0], null), times);
                }
            }

            void Add(List<TimeSpan> times, TimeSpan time)
            {
                if (round > 0)
                {
                    times.Add(time);
                }
            }

            void Read(int[] answer, GuidanceProcessor processor, List<TimeSpan> times)
            {
                for (var read = 0; read < answer.Length; read++)
                {
                    Array.Clear(logits);
                    var before = Stopwatch.GetTimestamp();
                    processor.Process([], answer.AsSpan(0, read), logits);
                    Add(times, Stopwatch.GetElapsedTime(before));
                    if (float.IsNegativeInfinity(logits[answer[read]]))
                    {
                        throw new InvalidOperationException(
                            $"Guidance forbids token '{answer[read]}' at position '{read}' of an answer that satisfies "
                            + "it.");
                    }

                    var must = processor.Forced(answer.AsSpan(0, read + 1)).Count;
                    (forced, total) = (forced + Math.Min(must, answer.Length - read - 1), total + 1 + must);
                    read += must;
                }
            }
        }

        return new(
            tokenizer.VocabularySize, options.Tools.Count, vocabularyTime, Quantile(compiles, 0.5),
            Quantile(first, 0.5),
            Quantile(first, 0.9), first.Max(), Quantile(again, 0.5), again.Max(), (double)forced / total);
    }

    private static TimeSpan Quantile(List<TimeSpan> times, double share)
        => times.Order().ElementAt((int)((times.Count - 1) * share));
}
