using System.Text.Json.Nodes;
using Slipway.Evaluation.Tasks;
using Slipway.Evaluation.Tests.Tasks;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.CodeExecution;

public sealed class CodeTaskTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_HumanEvalsForm_EstimatesPassAtK()
    {
        ProgramRunnerTests.Require("python");
        Write(new JsonObject
        {
            ["task_id"] = "one",
            ["prompt"] = "import math\n\ndef area(r):\n    \"\"\" Area of a circle. \"\"\"\n",
            ["entry_point"] = "area",
            ["test"] = "def check(candidate):\n    assert abs(candidate(1) - math.pi) < 1e-9\n",
        });
        var count = 0;
        var report = await RunAsync(
            new TaskOptions { AllowCodeExecution = true, Samples = 4 },
            _ => (Interlocked.Increment(ref count) - 1) switch
            {
                0 => "Here it is:\n```python\ndef area(r):\n    return math.pi * r * r\n```\nGood luck!",
                1 => "```python\n    return math.pi * r ** 2\n```",
                2 => "```python\ndef area(r):\n    return 3 * r * r\n```",
                _ => "I cannot.",
            });
        Assert.Equal(["pass@1", "pass@2"], report.Scores.Select(score => score.Name));
        Assert.Equal(0.5, report.Scores[0].Estimate.Value, 1e-9);
        Assert.Equal(1 - (1 / 6.0), report.Scores[1].Estimate.Value, 1e-9);
        Assert.Equal(2, report.Answers[0].Text.Split('\n').Count(
            line => line.StartsWith("Completed", StringComparison.Ordinal)));
        Assert.Contains("Failed: It ended with 1: AssertionError", report.Answers[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_CSharp_IsAScript()
    {
        ProgramRunnerTests.Require("csharp");
        Write(new JsonObject
        {
            ["prompt"] = "int Twice(int x)\n{",
            ["entry_point"] = "Twice",
            ["test"] = "if (Twice(4) != 8) throw new Exception(\"wrong\");",
            ["language"] = "csharp",
        });
        var options = new TaskOptions { AllowCodeExecution = true };
        var right = await RunAsync(options, _ => "```csharp\nint Twice(int x) => 2 * x;\n```");
        Assert.Equal(1, right.Scores[0].Estimate.Value);
        var wrong = await RunAsync(options, _ => "```csharp\n    return x;\n}\n```");
        Assert.Equal(0, wrong.Scores[0].Estimate.Value);
        Assert.Contains("System.Exception: wrong", wrong.Answers[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NotAllowed_SaysHowToAllowIt()
    {
        Write(new JsonObject { ["prompt"] = "x", ["entry_point"] = "x", ["test"] = "x" });
        var error = Assert.Throws<ArgumentException>(() => TaskKinds.Open("code", _folder["code.jsonl"]));
        Assert.StartsWith(
            "Code tasks run programs that a model wrote, which is off unless asked for. Allow it with "
            + "'--allow-code-execution'",
            error.Message, StringComparison.Ordinal);
    }

    private void Write(JsonObject item) => File.WriteAllText(_folder["code.jsonl"], item.ToJsonString());

    private async Task<TaskReport> RunAsync(TaskOptions options, Func<string, string> answer)
    {
        using var client = new ScriptedClient(messages => answer(messages[^1].Text));
        return await TaskRunner.RunAsync(
            TaskKinds.Open("code", _folder["code.jsonl"], options), new TaskSubject(client),
            cancellationToken: TestContext.Current.CancellationToken);
    }
}
