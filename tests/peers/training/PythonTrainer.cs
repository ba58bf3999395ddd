using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace TrainingPeers;

/// <summary>Trains by <c>train.py</c> in a process of its own.</summary>
internal sealed class PythonTrainer(string python) : ITrainer
{
    public string Name => "PyTorch";

    public TrainerRun Train(TrainingWork work)
    {
        using var process = Process.Start(new ProcessStartInfo(python,
        [
            Path.Combine(AppContext.BaseDirectory, "train.py"), work.Folder,
            work.Threads.ToString(CultureInfo.InvariantCulture),
        ])
        {
            RedirectStandardOutput = true,
        })!;
        var steps = new List<JsonNode>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            steps.Add(JsonNode.Parse(line)!);
        }

        process.WaitForExit();
        if (process.ExitCode != 0 || steps.Count != work.Batches.Count)
        {
            throw new InvalidOperationException(
                $"'{python}' ended with the code {process.ExitCode} after {steps.Count} of "
                + $"{work.Batches.Count} steps.");
        }

        var tokens = work.Batches.Skip(TrainerRun.WarmUp).Sum(batch => (double)batch.Ids.Length);
        return new TrainerRun(
            [.. steps.Select(step => (double)step["loss"]!)],
            tokens / steps.Skip(TrainerRun.WarmUp).Sum(step => (double)step["seconds"]!),
            tokens / steps.Skip(TrainerRun.WarmUp).Sum(step => (double)step["processor"]!),
            (long)steps[^1]["peak"]!);
    }
}
