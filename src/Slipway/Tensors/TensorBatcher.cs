using System.Globalization;

namespace Slipway.Tensors;

/// <summary>Computes rows of several requests together.</summary>
/// <remarks>
/// One run at a time. Requests that come meanwhile wait, and those that agree in all sizes but the number of rows are
/// the next run, in the order in which they came.
/// </remarks>
internal sealed class TensorBatcher(OnnxTensorModel model, int maxRows)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Request> _waiting = [];
    private bool _isRunning;

    public Task<NamedTensors> RunAsync(NamedTensors inputs, CancellationToken cancellationToken)
    {
        if (maxRows == 1)
        {
            return Task.Run(() => model.Run([inputs], cancellationToken)[0], cancellationToken);
        }

        Request request = new(inputs, Key(inputs), TensorChecks.Rows(inputs), cancellationToken);
        lock (_gate)
        {
            _waiting.AddLast(request);
            if (!_isRunning)
            {
                _isRunning = true;
                _ = Task.Run(RunAll, CancellationToken.None);
            }
        }

        return request.Answer.Task;
    }

    private void RunAll()
    {
        while (Next() is { Count: > 0 } batch)
        {
            Run(batch);
        }
    }

    private void Run(List<Request> batch)
    {
        try
        {
            // A run of several requests is no single one's to cancel.
            var answers = model.Run(
                [.. batch.Select(request => request.Inputs)],
                batch.Count == 1 ? batch[0].CancellationToken : CancellationToken.None);
            for (var index = 0; index < batch.Count; index++)
            {
                _ = batch[index].Answer.TrySetResult(answers[index]);
            }
        }
        catch (InvalidOperationException) when (batch.Count > 1)
        {
            // One of them may be what the graph cannot compute, which is nothing to the others.
            batch.ForEach(request => Run([request]));
        }
        catch (OperationCanceledException exception)
        {
            batch.ForEach(request => request.Answer.TrySetCanceled(exception.CancellationToken));
        }
        catch (Exception exception)
        {
            batch.ForEach(request => request.Answer.TrySetException(exception));
        }
    }

    private List<Request> Next()
    {
        lock (_gate)
        {
            List<Request> batch = [];
            long rows = 0;
            for (var node = _waiting.First; node is not null;)
            {
                var (request, next) = (node.Value, node.Next);
                if (request.CancellationToken.IsCancellationRequested)
                {
                    _waiting.Remove(node);
                    _ = request.Answer.TrySetCanceled(request.CancellationToken);
                }
                else if (batch.Count == 0
                    || (request.Key == batch[0].Key && rows + request.Rows <= maxRows))
                {
                    _waiting.Remove(node);
                    batch.Add(request);
                    rows += request.Rows;
                }

                node = next;
            }

            _isRunning = batch.Count > 0;
            return batch;
        }
    }

    private static string Key(NamedTensors inputs) => string.Join(
        ';', inputs.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => string.Create(
            CultureInfo.InvariantCulture, $"{item.Key}:{string.Join(',', item.Value.Lengths[1..].ToArray())}")));

    private sealed record Request(
        NamedTensors Inputs, string Key, long Rows, CancellationToken CancellationToken)
    {
        public TaskCompletionSource<NamedTensors> Answer { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
