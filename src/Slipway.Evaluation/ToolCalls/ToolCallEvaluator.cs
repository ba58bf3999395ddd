using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Evaluation.Tasks;

namespace Slipway.Evaluation.ToolCalls;

/// <summary>Scores how exactly a chat client calls tools.</summary>
/// <remarks>
/// Works with any <see cref="IChatClient"/>; it must not invoke functions itself, so pass the client below
/// <c>UseFunctionInvocation</c>. Cases come from <see cref="ToolCallCase.FromConversation"/>; a grammar corpus gives
/// them as <c>corpus.ReadHeldOut(count, seed).Select(one =&gt; ToolCallCase.FromConversation(one.Kind, one.Messages,
/// one.Tools))</c>. Thread-safe if the client is, but for runs that share a file of results.
/// </remarks>
/// <param name="client">The client; the caller keeps it.</param>
/// <param name="options">How to ask; null for the defaults.</param>
public sealed class ToolCallEvaluator(IChatClient client, ToolCallEvaluatorOptions? options = null)
{
    private readonly IChatClient _client = client ?? throw new ArgumentNullException(nameof(client));
    private readonly ToolCallEvaluatorOptions _options = Checked(options ?? new());

    /// <summary>Asks every case once, greedily, and scores the answers.</summary>
    /// <param name="cases">The cases.</param>
    /// <param name="progress">Told after each case.</param>
    /// <param name="cancellationToken">Stops the evaluation; answers that are there stay in the file.</param>
    /// <exception cref="InvalidDataException">The file of results belongs to another run.</exception>
    public async Task<ToolCallReport> EvaluateAsync(
        IReadOnlyList<ToolCallCase> cases,
        IProgress<ToolCallProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cases);
        var started = Stopwatch.GetTimestamp();
        using var results = ResultsFile<RecordedToolCall>.Open(
            _options.ResultsPath, _options.ResultsPath is null ? [] : Describe(cases), cases.Count);
        var graded = results.Known(cases.Count);
        var (resumed, right) = (graded.Count(one => one is not null), graded.Count(one => one?.IsRight == true));
        var done = resumed;
        int[] open = [.. Enumerable.Range(0, graded.Length).Where(index => graded[index] is null)];
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = _options.Concurrency,
            CancellationToken = cancellationToken,
        };
        await Parallel.ForEachAsync(open, parallel, async (index, token) =>
        {
            var result = RecordedToolCall.Of(index, await AskAsync(cases[index], token).ConfigureAwait(false));
            results.Add(result);
            graded[index] = result;
            var rightNow = result.IsRight ? Interlocked.Increment(ref right) : Volatile.Read(ref right);
            progress?.Report(new ToolCallProgress(Interlocked.Increment(ref done), cases.Count, rightNow));
        }).ConfigureAwait(false);
        return ToolCallReport.From(
            [.. graded.Zip(cases, (result, test) => result!.For(test))], Stopwatch.GetElapsedTime(started)) with
        {
            Resumed = resumed,
        };
    }

    private JsonObject Describe(IReadOnlyList<ToolCallCase> cases)
    {
        var description = new TaskSubject(_client).Describe();
        description["cases_sha256"] = RecordedToolCall.Hash(cases);
        description["max_output_tokens"] = _options.MaxOutputTokens;
        return description;
    }

    private async Task<ToolCallResult> AskAsync(ToolCallCase test, CancellationToken cancellationToken)
    {
        var chatOptions = new ChatOptions
        {
            Temperature = 0,
            MaxOutputTokens = _options.MaxOutputTokens,
            Tools = test.Tools.Count == 0 ? null : [.. test.Tools],
        };
        var response = await _client.GetResponseAsync(test.Messages, chatOptions, cancellationToken)
            .ConfigureAwait(false);
        return ToolCallGrader.Grade(test, response);
    }

    private static ToolCallEvaluatorOptions Checked(ToolCallEvaluatorOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Concurrency);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxOutputTokens);
        return options;
    }
}
