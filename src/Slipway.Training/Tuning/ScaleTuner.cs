using System.Diagnostics;
using Slipway.Training.Graphs;
using Slipway.Training.Modules;
using Slipway.Training.Optimization;
using Slipway.Training.Running;
using static TorchSharp.torch;

namespace Slipway.Training.Tuning;

/// <summary>Tunes the scales and norms of a quantized decoder, so that it says what the float model says.</summary>
/// <remarks>
/// <para>Quantized values stay. Each scale and each weight of a norm is multiplied by exp(t), and t is learnt by Adam
/// over the Kullback-Leibler divergence from the float model's next tokens to the quantized one's, on texts of the
/// model's own. The graphs are the packages' own, so any architecture can be tuned whose operators are computed
/// here.</para>
/// <para>Memory: the float weights once, a byte for each quantized value, and the activations of two texts. Uses
/// libtorch's threads; one call at a time.</para>
/// </remarks>
public static class ScaleTuner
{
    private const int TextsAtOnce = 2;
    private const int SaveEvery = 5;
    private const int MeasureEvery = 20;

    /// <summary>Tunes a package.</summary>
    /// <param name="floatGraph">The graph of the float model.</param>
    /// <param name="quantizedGraph">The graph of the quantized one; it stays as it is.</param>
    /// <param name="texts">Token ids, texts of one length each of two tokens at least; the last ones are held
    /// back.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <param name="progress">Told of each step, on the calling thread.</param>
    /// <param name="cancellationToken">Stops between two texts; the state file stays.</param>
    /// <exception cref="NotSupportedException">A graph has an operator through which no gradients are computed, or
    /// nothing that could be tuned; or libtorch is missing.</exception>
    /// <exception cref="ArgumentException">There are too few texts, or they differ in length.</exception>
    /// <exception cref="TrainingException">The divergence is no number, or the state file is another run's.</exception>
    public static ScaleTuningResult Tune(
        string floatGraph, string quantizedGraph, IReadOnlyList<int[]> texts, ScaleTuningOptions? options = null,
        IProgress<ScaleTuningProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options ??= new ScaleTuningOptions();
        Check(texts, options);
        using var teacher = GraphModel.Open(floatGraph);
        using var student = GraphModel.Open(quantizedGraph);
        using TunedConstants constants = new(student);
        using Run run = new(teacher, student, constants, texts, options);
        return run.Tune(progress, cancellationToken);
    }

    private static void Check(IReadOnlyList<int[]> texts, ScaleTuningOptions options)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (texts.Count < options.HeldBack + options.BatchSize)
        {
            throw new ArgumentException(
                $"There are {texts.Count} texts; {options.BatchSize} for a step and {options.HeldBack} that are held "
                + "back are needed at least. Give a longer text.", nameof(texts));
        }

        if (texts[0].Length < 2 || texts.Any(text => text.Length != texts[0].Length))
        {
            throw new ArgumentException(
                "The texts have different numbers of tokens, or fewer than two. Cut them to one length.",
                nameof(texts));
        }
    }

    private sealed class Run : IDisposable
    {
        private readonly GraphModel _teacher;
        private readonly GraphModel _student;
        private readonly TunedConstants _constants;
        private readonly IReadOnlyList<int[]> _texts;
        private readonly ScaleTuningOptions _options;
        private readonly int _trained;
        private readonly AdamW _optimizer;
        private TuningState _state;

        public Run(
            GraphModel teacher, GraphModel student, TunedConstants constants, IReadOnlyList<int[]> texts,
            ScaleTuningOptions options)
        {
            (_teacher, _student, _constants, _texts, _options) = (teacher, student, constants, texts, options);
            _trained = texts.Count - options.HeldBack;
            _optimizer = new AdamW(constants.Parameters, beta2: 0.99);
            _state = TuningState.Read(options.StateFile, constants, _optimizer);
        }

        public ScaleTuningResult Tune(IProgress<ScaleTuningProgress>? progress, CancellationToken cancellationToken)
        {
            var clock = Stopwatch.StartNew();
            if (_state.Steps == 0)
            {
                var before = Measure(cancellationToken);
                _state = _state with { Before = before, Best = before };
            }

            var heldBack = _state.Best;
            double share;
            while ((share = Share(clock)) < 1)
            {
                var loss = Step(share, cancellationToken);
                _state = _state with { Steps = _state.Steps + 1 };
                heldBack = _state.Steps % MeasureEvery == 0 ? Keep(cancellationToken) : heldBack;
                if (_state.Steps % SaveEvery == 0)
                {
                    Save(clock);
                }

                progress?.Report(new ScaleTuningProgress(_state.Steps, share, loss, heldBack));
            }

            Keep(cancellationToken);
            Save(clock);
            return new ScaleTuningResult(_constants.BestValues(), _state.Steps, _state.Before, _state.Best);
        }

        public void Dispose() => _optimizer.Dispose();

        private double Share(Stopwatch clock) => Math.Max(
            (_state.Spent + clock.Elapsed) / _options.Time, (double)_state.Steps / _options.MaxSteps);

        private double Step(double share, CancellationToken cancellationToken)
        {
            _optimizer.ZeroGradients();
            var total = 0.0;
            for (var first = 0; first < _options.BatchSize; first += TextsAtOnce)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var count = Math.Min(TextsAtOnce, _options.BatchSize - first);
                var place = (_state.Steps * _options.BatchSize) + first;
                using var loss = Divergence([.. Enumerable.Range(place, count).Select(i => _texts[i % _trained])]);
                var part = loss.Times((double)count / _options.BatchSize);
                part.backward();
                total += part.item<float>();
            }

            if (!double.IsFinite(total))
            {
                throw new TrainingException(
                    $"After {_state.Steps} steps of tuning the divergence is no number. Lower the learning rate, or "
                    + "export without tuning.");
            }

            _optimizer.Step(_options.LearningRate * (1 + Math.Cos(Math.PI * share)) / 2, decay: 0);
            return total;
        }

        // Mean over positions of Σ p · (log p − log q), p the float model's next tokens and q the quantized one's.
        private Tensor Divergence(int[][] texts)
        {
            using var scope = NewDisposeScope();
            var ids = tensor(texts.SelectMany(text => text.Select(id => (long)id)).ToArray())
                .view(texts.Length, texts[0].Length);
            Tensor target;
            using (no_grad())
            {
                target = nn.functional.log_softmax(_teacher.Forward(ids), -1);
            }

            var given = nn.functional.log_softmax(_student.Forward(ids), -1);
            var positions = ids.numel();
            return nn.functional.kl_div(
                given.view(positions, -1), target.view(positions, -1), log_target: true,
                reduction: nn.Reduction.Sum).Over(positions).MoveToOuterDisposeScope();
        }

        private double Measure(CancellationToken cancellationToken)
        {
            using var untracked = no_grad();
            var sum = 0.0;
            foreach (var texts in _texts.Skip(_trained).Chunk(TextsAtOnce))
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                sum += Divergence(texts).item<float>() * texts.Length;
            }

            return sum / _options.HeldBack;
        }

        private double Keep(CancellationToken cancellationToken)
        {
            var measured = Measure(cancellationToken);
            if (measured < _state.Best)
            {
                _state = _state with { Best = measured };
                _constants.KeepBest();
            }

            return measured;
        }

        private void Save(Stopwatch clock)
        {
            (_state with { Spent = _state.Spent + clock.Elapsed }).Write(_options.StateFile, _constants, _optimizer);
        }
    }
}
