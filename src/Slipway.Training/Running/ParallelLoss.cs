using System.Runtime.ExceptionServices;
using Slipway.Training.Adapters;
using Slipway.Training.Data;
using Slipway.Training.Models;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Running;

/// <summary>Computes losses and their gradients with several threads, each of which takes whole sequences.</summary>
/// <remarks>
/// The operations of a small model are too short to be divided: threads that share one wait for each other more than
/// they compute. Here they meet once a step. Gradients are added in the order of the batches' workers, so the same
/// number of workers gives the same numbers, bit for bit. One call at a time.
/// </remarks>
internal sealed class ParallelLoss
{
    // Each worker but the first holds a gradient of its own.
    private const long MaxGradientBytes = 1L << 30;

    private readonly ITrainedModel _model;
    private readonly Tensor[] _weights;
    private readonly int _threads;

    /// <summary>
    /// Divides the threads among workers and, where there are fewer sequences, among their operations.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="threads">The threads that there are.</param>
    public ParallelLoss(ITrainedModel model, int threads)
    {
        (_model, _threads) = (model, threads);
        _weights = [.. model.TrainableParameters.Select(one => one.Weight)];
        Workers = (int)Math.Clamp(
            MaxGradientBytes / (sizeof(float) * _weights.Sum(weight => weight.numel())), 1, threads);
    }

    /// <summary>Number of batches that are computed at once.</summary>
    public int Workers { get; }

    /// <summary>
    /// Computes the mean loss over all targets of the batches and leaves its gradients at the weights.
    /// </summary>
    /// <param name="batches">The parts of a step.</param>
    /// <param name="seed">What dropout draws from; each batch has a number of its own.</param>
    public double Backward(IReadOnlyList<TrainingBatch> batches, long seed)
    {
        var targets = batches.Sum(batch => (long)batch.Weight);
        var workers = Math.Min(Workers, batches.Count);
        var (losses, gradients) = (new double[workers], new Tensor?[]?[workers]);
        Run(workers, worker =>
        {
            for (var index = worker; index < batches.Count; index += workers)
            {
                using var scope = NewDisposeScope();
                using var dropout = RandomDropout.Begin(unchecked((seed * 1_000_003) + index));
                var loss = batches[index].SummedLoss(_model).Over(targets);
                Tensor?[] parts = [.. autograd.grad([loss], _weights, allow_unused: true)
                    .Select(part => part.IsInvalid ? null : part)];
                losses[worker] += loss.item<float>();
                if (gradients[worker] is { } sum)
                {
                    Add(sum, parts);
                    continue;
                }

                gradients[worker] = parts;
                foreach (var part in parts)
                {
                    part?.DetachFromDisposeScope();
                }
            }
        });
        var total = gradients[0]!;
        foreach (var other in gradients.Skip(1))
        {
            Add(total, other!);
        }

        foreach (var (weight, gradient) in _weights.Zip(total))
        {
            weight.grad?.Dispose();
            weight.grad = gradient;
        }

        return losses.Sum();
    }

    /// <summary>Computes the mean loss over all targets of the batches.</summary>
    /// <param name="count">The number of batches.</param>
    /// <param name="create">Gathers a batch; called by several threads.</param>
    /// <param name="done">Told, under a lock, of each batch that was computed.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    public double Evaluate(
        int count, Func<int, TrainingBatch> create, Action<TrainingBatch> done, CancellationToken cancellationToken)
    {
        var (sums, targets) = (new double[count], 0L);
        ForEach(count, index =>
        {
            using var batch = create(index);
            sums[index] = batch.SummedLoss(_model).item<float>();
            lock (sums)
            {
                targets += batch.Weight;
                done(batch);
            }
        }, cancellationToken);
        return sums.Sum() / targets;
    }

    /// <summary>Computes parts without gradients, as many at once as there are workers.</summary>
    /// <param name="count">The number of parts.</param>
    /// <param name="work">Computes a part; called by several threads.</param>
    /// <param name="cancellationToken">Stops between two parts.</param>
    public void ForEach(int count, Action<int> work, CancellationToken cancellationToken)
    {
        var workers = Math.Clamp(count, 1, Workers);
        Run(workers, worker =>
        {
            using var untracked = no_grad();
            for (var index = worker; index < count; index += workers)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                work(index);
            }
        });
    }

    // A weight that a batch does not use, such as an expert's, has no gradient there.
    private static void Add(Tensor?[] sums, Tensor?[] parts)
    {
        using var untracked = no_grad();
        for (var index = 0; index < sums.Length; index++)
        {
            if (sums[index] is { } sum)
            {
                if (parts[index] is { } part)
                {
                    sum.Add(part);
                    part.Dispose();
                }
            }
            else
            {
                sums[index] = parts[index]?.DetachFromDisposeScope();
            }
        }
    }

    // An operation's number of threads is the process's, but a thread that has computed before keeps its own.
    private void Run(int workers, Action<int> work)
    {
        set_num_threads(_threads / workers);
        if (workers == 1)
        {
            work(0);
            return;
        }

        try
        {
            Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, worker =>
            {
                set_num_threads(_threads / workers);
                work(worker);
            });
        }
        catch (AggregateException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerExceptions[0]);
        }
    }
}
