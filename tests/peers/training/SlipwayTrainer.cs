using System.Diagnostics;
using Slipway.Training.Recipes;
using Slipway.Training.Running;

namespace TrainingPeers;

/// <summary>Trains in this process, as a recipe's stage is trained.</summary>
internal sealed class SlipwayTrainer : ITrainer
{
    public string Name => "Slipway";

    public TrainerRun Train(TrainingWork work)
    {
        using var model = work.Model();
        var files = new TrainerFiles(Path.Combine(work.Folder, Guid.NewGuid().ToString("N")), NumberType.Fp32);
        files.Create();
        var steps = new Steps(work);
        new Trainer(model, [work.Stage()], files, work.Fingerprint, work.Threads, steps).Run(CancellationToken.None);
        return steps.Result();
    }

    private sealed class Steps(TrainingWork work) : IProgress<TrainingProgress>
    {
        private readonly List<double> _losses = [];
        private (long Time, TimeSpan Processor) _from;
        private (long Time, TimeSpan Processor) _to;

        public void Report(TrainingProgress value)
        {
            _losses.Add(value.Loss!.Value);
            using var process = Process.GetCurrentProcess();
            _to = (Stopwatch.GetTimestamp(), process.TotalProcessorTime);
            if (_losses.Count == TrainerRun.WarmUp)
            {
                _from = _to;
            }
        }

        public TrainerRun Result()
        {
            var tokens = work.Batches.Skip(TrainerRun.WarmUp).Sum(batch => (double)batch.Ids.Length);
            using var process = Process.GetCurrentProcess();
            return new TrainerRun(
                _losses, tokens / Stopwatch.GetElapsedTime(_from.Time, _to.Time).TotalSeconds,
                tokens / (_to.Processor - _from.Processor).TotalSeconds, process.PeakWorkingSet64);
        }
    }
}
