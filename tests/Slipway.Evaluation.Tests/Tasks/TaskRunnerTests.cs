using Slipway.Evaluation.Tasks;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Tasks;

public sealed class TaskRunnerTests : IDisposable
{
    private const int Items = 20;

    private readonly TemporaryFolder _folder = new();

    public TaskRunnerTests() => File.WriteAllLines(
        _folder["task.jsonl"],
        Enumerable.Range(0, Items).Select(i => $$"""{"question": "Q{{i}}", "answer": "#### {{i % 2}}"}"""));

    private string Results => _folder[Path.Combine("out", "results.jsonl")];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_EndedBefore_GoesOnAndGivesTheSameScores()
    {
        var whole = await RunAsync(_ => "#### 1", results: null);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(_ => "#### 1", Results, endAfter: 7));
        var kept = File.ReadAllLines(Results).Length - 1;
        Assert.InRange(kept, 7, Items - 1);

        // What a killed process leaves: its last line cut.
        await File.AppendAllTextAsync(Results, "{\"item\": 19, \"te", TestContext.Current.CancellationToken);
        var asked = 0;
        var resumed = await RunAsync(
            _ =>
            {
                Interlocked.Increment(ref asked);
                return "#### 1";
            },
            Results);
        Assert.Equal((Items - kept, kept), (asked, resumed.Resumed));
        Assert.Equal(whole.Scores, resumed.Scores);
        Assert.Equal(Enumerable.Range(0, Items), resumed.Answers.Select(answer => answer.Item));
        Assert.Equal(Items + 1, File.ReadAllLines(Results).Length);

        var again = await RunAsync(_ => throw new InvalidOperationException("All was answered."), Results);
        Assert.Equal(Items, again.Resumed);
        Assert.Equal(whole.Scores, again.Scores);
    }

    [Fact]
    public async Task Run_ResultsOfAnotherRun_NamesWhatDiffers()
    {
        await RunAsync(_ => "#### 1", Results);
        var error = await Assert.ThrowsAsync<InvalidDataException>(
            () => RunAsync(_ => "#### 1", Results, options: new TaskOptions { Seed = 1, ChainOfThought = false }));
        Assert.Equal(
            $"The results in '{Results}' are of another run; what differs is 'seed', 'chain_of_thought'. Name another "
            + "file, or remove this one.",
            error.Message);
    }

    [Theory]
    [InlineData("hello\n", 1)]
    [InlineData("", 0)]
    public async Task Run_FileThatHoldsNoResults_IsKeptOrTaken(string text, int line)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Results)!);
        await File.WriteAllTextAsync(Results, text, TestContext.Current.CancellationToken);
        if (line == 0)
        {
            Assert.Equal(Items, (await RunAsync(_ => "1", Results)).Items);
            return;
        }

        var error = await Assert.ThrowsAsync<TaskFileException>(() => RunAsync(_ => "1", Results));
        Assert.Equal(line, error.Line);
        Assert.Equal(text, await File.ReadAllTextAsync(Results, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Run_AnswerWithoutItsFields_NamesTheLine()
    {
        await RunAsync(_ => "#### 1", Results);
        await File.AppendAllTextAsync(Results, "{\"item\": 3}\n", TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<TaskFileException>(() => RunAsync(_ => "1", Results));
        Assert.Equal(Items + 2, error.Line);
    }

    private async Task<TaskReport> RunAsync(
        Func<string, string> answer, string? results, int? endAfter = null, TaskOptions? options = null)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var client = new ScriptedClient(messages => answer(messages[^1].Text));
        var progress = new Ending(endAfter ?? int.MaxValue, source);
        return await TaskRunner.RunAsync(
            TaskKinds.Open("reasoning", _folder["task.jsonl"], options), new TaskSubject(client),
            new TaskRunnerOptions { ResultsPath = results, Concurrency = 2 }, progress, source.Token);
    }

    private sealed class Ending(int after, CancellationTokenSource source) : IProgress<TaskProgress>
    {
        public void Report(TaskProgress value)
        {
            if (value.Done >= after)
            {
                source.Cancel();
            }
        }
    }
}
