namespace Slipway.Evaluation.ToolCalls;

/// <summary>Holds the scores of a client on tool-call cases.</summary>
/// <param name="Cases">The number of cases.</param>
/// <param name="CallCases">The cases whose right answer is one or more calls.</param>
/// <param name="ExactCalls">Of those, the ones with exactly the right calls: name and all arguments.</param>
/// <param name="RightNames">Of those, the ones that called the right tools, whatever the arguments.</param>
/// <param name="TextCases">The cases whose right answer is text: refusals, small talk, told results.</param>
/// <param name="RightTextCases">Of those, the ones that made no call.</param>
/// <param name="ExactTexts">Of those, the ones whose text is exactly the expected one.</param>
/// <param name="CallsNotOffered">Calls to tools that were not offered, in all cases.</param>
/// <param name="MalformedCalls">Calls whose arguments could not be parsed, in all cases.</param>
/// <param name="Kinds">The scores by kind, in the order of their names.</param>
/// <param name="Failures">The cases that went wrong, in the order of the cases.</param>
/// <param name="Elapsed">The time it took.</param>
public sealed record ToolCallReport(
    int Cases,
    int CallCases,
    int ExactCalls,
    int RightNames,
    int TextCases,
    int RightTextCases,
    int ExactTexts,
    int CallsNotOffered,
    int MalformedCalls,
    IReadOnlyList<ToolCallKindScore> Kinds,
    IReadOnlyList<ToolCallResult> Failures,
    TimeSpan Elapsed)
{
    /// <summary>The share of call cases with exactly the right calls, 0 to 1; 0 where there are none.</summary>
    public double ExactRate => CallCases == 0 ? 0 : (double)ExactCalls / CallCases;

    /// <summary>The cases whose answers an earlier run left in the file of results.</summary>
    public int Resumed { get; init; }

    internal static ToolCallReport From(IReadOnlyList<ToolCallResult> results, TimeSpan elapsed)
    {
        var calls = results.Where(result => result.Case.Expected.Count > 0).ToList();
        var texts = results.Where(result => result.Case.Expected.Count == 0).ToList();
        return new ToolCallReport(
            results.Count,
            calls.Count,
            calls.Count(result => result.IsRight),
            calls.Count(result => result.NamesRight),
            texts.Count,
            texts.Count(result => result.IsRight),
            texts.Count(result => result.IsTextRight),
            results.Sum(result => result.NotOffered),
            results.Sum(result => result.Malformed),
            [.. results.GroupBy(result => result.Case.Kind)
                .OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(
                    group => new ToolCallKindScore(group.Key, group.Count(), group.Count(result => result.IsRight)))],
            [.. results.Where(result => !result.IsRight)],
            elapsed);
    }
}

/// <summary>Holds the score of one kind of case.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Cases">How many there were.</param>
/// <param name="Right">How many were right, as <see cref="ToolCallResult.IsRight"/> says.</param>
public sealed record ToolCallKindScore(string Kind, int Cases, int Right);

/// <summary>Tells how far an evaluation is.</summary>
/// <param name="Done">The cases done.</param>
/// <param name="Cases">All cases.</param>
/// <param name="Right">Of those done, the ones that were right.</param>
public sealed record ToolCallProgress(int Done, int Cases, int Right);
