using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace Slipway.Evaluation.ToolCalls;

/// <summary>Scores how exactly a chat client calls tools.</summary>
/// <remarks>
/// Works with any <see cref="IChatClient"/>; it must not invoke functions itself, so pass the client below
/// <c>UseFunctionInvocation</c>. Cases come from <see cref="ToolCallCase.FromConversation"/>; a grammar corpus gives
/// them as <c>corpus.ReadHeldOut(count, seed).Select(one =&gt; ToolCallCase.FromConversation(one.Kind, one.Messages,
/// one.Tools))</c>. Thread-safe if the client is.
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
    /// <param name="cancellationToken">Stops the evaluation.</param>
    public async Task<ToolCallReport> EvaluateAsync(
        IReadOnlyList<ToolCallCase> cases,
        IProgress<ToolCallProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cases);
        var started = Stopwatch.GetTimestamp();
        var results = new ToolCallResult[cases.Count];
        var (done, right) = (0, 0);
        var parallel = new ParallelOptions
        {
            MaxDegreeOfParallelism = _options.Concurrency,
            CancellationToken = cancellationToken,
        };
        await Parallel.ForAsync(0, cases.Count, parallel, async (index, token) =>
        {
            results[index] = await AskAsync(cases[index], token).ConfigureAwait(false);
            var rightNow = results[index].IsRight ? Interlocked.Increment(ref right) : Volatile.Read(ref right);
            progress?.Report(new ToolCallProgress(Interlocked.Increment(ref done), cases.Count, rightNow));
        }).ConfigureAwait(false);
        return ToolCallReport.From(results, Stopwatch.GetElapsedTime(started));
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
