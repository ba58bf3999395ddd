using System.Diagnostics;
using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Optimization;
using Slipway.Training.Recipes;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

/// <summary>
/// Takes the steps of a run's stages: a function of model, data, stages and seed, wherever it is interrupted.
/// </summary>
internal sealed class Trainer
{
    private readonly ITrainedModel _model;
    private readonly IReadOnlyList<TrainerStage> _stages;
    private readonly TrainerFiles _files;
    private readonly string _fingerprint;
    private readonly IProgress<TrainingProgress>? _progress;
    private readonly int _threads;
    private readonly ParallelLoss _loss;
    private readonly SpeedMeter _meter = new();
    private double? _evaluationLoss;

    public Trainer(
        ITrainedModel model, IReadOnlyList<TrainerStage> stages, TrainerFiles files, string fingerprint,
        int threads, IProgress<TrainingProgress>? progress)
    {
        (_threads, _loss) = (threads, new ParallelLoss(model, threads));
        (_model, _stages, _files, _fingerprint, _progress) = (model, stages, files, fingerprint, progress);
    }

    /// <summary>Runs from the last checkpoint, or from the start where there is none, to the end.</summary>
    /// <returns>The tokens of all stages, the tokens a second of this call, and what each stage reached.</returns>
    public (long Tokens, double TokensPerSecond, IReadOnlyList<StageReport> Stages) Run(
        CancellationToken cancellationToken)
    {
        var position = default(TrainerPosition);
        Optimizer? optimizer = null;
        if (File.Exists(_files.State))
        {
            position = TrainerState.Read(_files.State, _model, CreateOptimizer, _fingerprint, out optimizer);
        }

        using var log = new TrainingLog(_files.Log, position);
        try
        {
            for (; position.Stage < _stages.Count; position = new TrainerPosition(
                position.Stage + 1, 0, position.Tokens))
            {
                optimizer ??= CreateOptimizer(position.Stage);
                position = RunStage(position, optimizer, log, cancellationToken);
                optimizer.Dispose();
                optimizer = null;
            }

            return (position.Tokens, _meter.Mean, [.. _stages.Select((stage, index) => Report(stage, index, log))]);
        }
        finally
        {
            optimizer?.Dispose();
        }
    }

    private TrainerPosition RunStage(
        TrainerPosition position, Optimizer optimizer, TrainingLog log, CancellationToken cancellationToken)
    {
        var stage = _stages[position.Stage];
        var recipe = stage.Recipe;
        _model.ComputeType = recipe.Precision == NumberType.Bf16 ? bfloat16 : float32;
        _model.GradientCheckpointing = recipe.GradientCheckpointing;
        PrepareReference(position, stage, cancellationToken);
        while (position.Step < stage.Steps)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                Save(position, optimizer, log);
                cancellationToken.ThrowIfCancellationRequested();
            }

            var started = Stopwatch.GetTimestamp();
            var rate = stage.Schedule.At(position.Step);
            var (loss, norm, tokens) = Cancellable(
                () => Step(stage, position, optimizer, rate, cancellationToken), position, optimizer, log);
            position = position with { Step = position.Step + 1, Tokens = position.Tokens + tokens };
            _meter.Add(tokens, Stopwatch.GetElapsedTime(started));
            log.Step(
                position.Stage, stage.Name, position.Step, loss, rate, norm, position.Tokens, _meter.Recent,
                stage.Training.Measures);
            _progress?.Report(new TrainingProgress(
                stage.Name, position.Stage, position.Step, stage.Steps, loss, _evaluationLoss, rate, _meter.Recent,
                _meter.TimeFor(Remaining(position)), TrainingLog.Reward(stage.Training.Measures)));
            if (Due(recipe.EvaluateEvery, position.Step, stage.Steps) && stage.Evaluation is { Count: > 0 } heldOut)
            {
                _evaluationLoss = Evaluate(heldOut, recipe.BatchSize, position, cancellationToken);
                log.Evaluation(
                    position.Stage, stage.Name, position.Step, _evaluationLoss.Value, heldOut.Scores());
                if (recipe.Patience > 0 && EarlyStopping.Update(
                    _files.Best, _model, log.EvaluationLosses(position.Stage), recipe.Patience))
                {
                    position = position with { Step = stage.Steps };
                }
            }

            if (Due(recipe.EvaluateEvery, position.Step, stage.Steps))
            {
                foreach (var (prompt, text) in stage.Samples?.Write((CausalLanguageModel)_model) ?? [])
                {
                    log.Sample(position.Stage, stage.Name, position.Step, prompt, text);
                }
            }

            if (Due(recipe.CheckpointEvery, position.Step, stage.Steps))
            {
                Save(position, optimizer, log);
            }
        }

        if (recipe.Patience > 0)
        {
            EarlyStopping.Restore(_files.Best, _model);
            Save(position, optimizer, log);
        }

        return position;
    }

    private void PrepareReference(TrainerPosition position, TrainerStage stage, CancellationToken cancellationToken)
    {
        foreach (var (data, name) in new[] { (stage.Training, "training"), (stage.Evaluation, "evaluation") })
        {
            ReferenceScores.Prepare(
                data, _files.Reference(position.Stage, name), _model, _loss, stage.Recipe.BatchSize, position.Step == 0,
                (done, count) => _progress?.Report(new TrainingProgress("reference", position.Stage, done, count)),
                cancellationToken);
        }
    }

    // A step that is cancelled while it gathers its examples has changed nothing.
    private T Cancellable<T>(Func<T> step, TrainerPosition position, Optimizer optimizer, TrainingLog log)
    {
        try
        {
            return step();
        }
        catch (OperationCanceledException)
        {
            Save(position, optimizer, log);
            throw;
        }
    }

    // One optimizer step over accumulated batches: the loss is the mean over all their targets, as of one large batch.
    private (double Loss, double Norm, long Tokens) Step(
        TrainerStage stage, TrainerPosition position, Optimizer optimizer, double rate,
        CancellationToken cancellationToken)
    {
        var recipe = stage.Recipe;
        var batches = stage.Batches(position.Step, _loss.Workers, cancellationToken);
        try
        {
            var loss = _loss.Backward(batches, stage.DropoutSeed(position.Step));
            var norm = optimizer.ClipGradients(recipe.GradientClip);
            if (!double.IsFinite(loss) || !double.IsFinite(norm))
            {
                throw NotFinite(stage, position, loss, norm, rate);
            }

            optimizer.Step(rate, recipe.WeightDecay);
            return (loss, norm, batches.Sum(batch => (long)batch.Tokens.Layout.Tokens));
        }
        finally
        {
            batches.ForEach(batch => batch.Dispose());
        }
    }

    private TrainingException NotFinite(
        TrainerStage stage, TrainerPosition position, double loss, double norm, double rate)
        => new(FormattableString.Invariant(
            $"Step {position.Step + 1} of stage {position.Stage + 1} ('{stage.Name}') has the loss {loss} and the ")
        + FormattableString.Invariant(
            $"gradient norm {norm}; both must be finite numbers. The learning rate was {rate}. ")
        + "Lower 'learning_rate' or raise 'warmup_steps'"
        + (stage.Recipe.Precision == NumberType.Bf16 ? ", or set 'precision' to 'fp32'." : ".")
        + (File.Exists(_files.State) ? $" The last checkpoint, '{_files.State}', is untouched." : ""));

    private double Evaluate(
        StageData data, int batchSize, TrainerPosition position, CancellationToken cancellationToken)
    {
        var count = (data.Count + batchSize - 1) / batchSize;
        var done = 0;
        return _loss.Evaluate(count, Batch, Report, cancellationToken);

        TrainingBatch Batch(int index) => data.Batch(
            [.. Enumerable.Range(index * batchSize, Math.Min(batchSize, data.Count - (index * batchSize)))]);

        void Report(TrainingBatch batch)
        {
            data.Observe(batch);
            _progress?.Report(new TrainingProgress(
                "evaluate", position.Stage, Math.Min(data.Count, done += batchSize), data.Count));
        }
    }

    private void Save(TrainerPosition position, Optimizer optimizer, TrainingLog log)
    {
        try
        {
            TrainerState.Write(_files.State, _model, optimizer, position, _fingerprint);
            _files.WriteModel(_model);
        }
        catch (IOException error)
        {
            throw new TrainingException(
                $"The checkpoint in '{_files.Folder}' cannot be written: {error.Message} Make room there and start the "
                + "same recipe again; it goes on from the checkpoint before.", error);
        }
    }

    private Optimizer CreateOptimizer(int stage) =>
        Optimizers.Of(_stages[stage].Recipe.Optimizer, _model.TrainableParameters, _threads);

    private double Remaining(TrainerPosition position) => _stages
        .Select((stage, index) => index < position.Stage ? 0
            : (stage.Steps - (index == position.Stage ? position.Step : 0)) * stage.TokensPerStep)
        .Sum();

    private static bool Due(long every, long step, long steps) => step == steps || (every > 0 && step % every == 0);

    private static StageReport Report(TrainerStage stage, int index, TrainingLog log)
    {
        var rows = log.Rows.Where(row => row.Stage == index).ToArray();
        var losses = rows.Where(row => row.Loss is not null).TakeLast(50).Select(row => row.Loss!.Value).ToArray();
        var rewards = rows.Where(row => row.Reward is not null).TakeLast(50).Select(row => row.Reward!.Value).ToArray();
        return new StageReport(stage.Name, stage.Steps, losses.Length > 0 ? losses.Average() : null,
            rows.LastOrDefault(row => row.EvaluationLoss is not null)?.EvaluationLoss, stage.Training.Cut,
            stage.Training.LeftOut, rewards.Length > 0 ? rewards.Average() : null,
            rows.LastOrDefault(row => row.EvaluationLoss is not null)?.Scores);
    }
}
