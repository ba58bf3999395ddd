using Microsoft.ML.OnnxRuntime;
using Slipway.Engine.Execution;
using Slipway.Engine.Execution.Providers;
using Slipway.Packaging;
using Slipway.Tensors;

namespace Slipway;

/// <summary>Runs an <c>.onnx</c> graph over named tensors, such as <c>OnnxModule.Export</c> writes.</summary>
/// <remarks>Safe for concurrent use. Language models are served by <see cref="OnnxChatClient"/>, which keeps what
/// they have computed; encoders of packages by <see cref="OnnxEmbeddingGenerator"/>.</remarks>
public sealed class OnnxTensorModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly TensorBatcher _batcher;
    private readonly ReaderWriterLockSlim _open = new();
    private bool _disposed;

    private OnnxTensorModel(string path, GraphSession opened, OnnxTensorModelOptions options)
    {
        var session = opened.Session;
        (Path, _session, ExecutionProvider) = (path, session, opened.Choice.ToString());
        Inputs = [.. session.InputMetadata.Select(item => TensorPort.Of(item.Key, item.Value))];
        Outputs = [.. session.OutputMetadata.Select(item => TensorPort.Of(item.Key, item.Value))];
        _batcher = new TensorBatcher(this, options.MaxBatchRows);
        if (options.MaxBatchRows > 1)
        {
            RequireRows();
        }
    }

    /// <summary>The graph file.</summary>
    public string Path { get; }

    /// <summary>Names what runs the graph, such as <c>cpu</c> or <c>cuda:0</c>.</summary>
    public string ExecutionProvider { get; }

    /// <summary>The inputs, in order.</summary>
    public IReadOnlyList<TensorPort> Inputs { get; }

    /// <summary>The outputs, in order.</summary>
    public IReadOnlyList<TensorPort> Outputs { get; }

    /// <summary>Loads a graph.</summary>
    /// <param name="path">The <c>.onnx</c> file, or a folder with a <c>model.onnx</c>.</param>
    /// <param name="options">What may be used; null for the defaults.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="PackageException">ONNX Runtime cannot load it.</exception>
    /// <exception cref="NotSupportedException">
    /// An input or output is no tensor, ONNX Runtime's native library is missing, or none of the execution providers
    /// can run the graph.
    /// </exception>
    /// <exception cref="ArgumentException">An option is out of range or does not fit the graph.</exception>
    public static OnnxTensorModel Load(string path, OnnxTensorModelOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        options ??= new OnnxTensorModelOptions();
        if (options.MaxBatchRows is < 1 or > 1 << 16)
        {
            throw new ArgumentException(
                $"MaxBatchRows is '{options.MaxBatchRows}'; expected from 1 to {1 << 16}.", nameof(options));
        }

        OptionsValidation.Validate(options.ToModelOptions());
        var file = System.IO.Path.GetFullPath(
            Directory.Exists(path) ? System.IO.Path.Combine(path, "model.onnx") : path);
        if (!File.Exists(file))
        {
            throw new FileNotFoundException(
                $"There is no graph '{file}'. Name an .onnx file, or a folder with a 'model.onnx'.", file);
        }

        var session = ModelSession.Open(file, options.ToModelOptions());
        try
        {
            return new OnnxTensorModel(file, session, options);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Runs the graph once, on the thread that calls.</summary>
    /// <param name="inputs">A tensor for each input.</param>
    /// <param name="cancellationToken">Ends the run, also in its middle.</param>
    /// <returns>Every output, by name.</returns>
    /// <exception cref="ArgumentException">
    /// A tensor is missing, unknown, of another type, or its sizes do not fit the graph's; the message names all of
    /// them.
    /// </exception>
    /// <exception cref="InvalidOperationException">The graph cannot compute these inputs.</exception>
    public NamedTensors Run(NamedTensors inputs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        TensorChecks.Require(Inputs, inputs);
        return Run([inputs], cancellationToken)[0];
    }

    /// <summary>Runs the graph, together with what others ask for where the options say so.</summary>
    /// <inheritdoc cref="Run(NamedTensors, CancellationToken)"/>
    public Task<NamedTensors> RunAsync(NamedTensors inputs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ObjectDisposedException.ThrowIf(_disposed, this);
        TensorChecks.Require(Inputs, inputs);
        return _batcher.RunAsync(inputs, cancellationToken);
    }

    /// <summary>Frees the graph once the runs in progress have ended; later ones are refused.</summary>
    public void Dispose()
    {
        _open.EnterWriteLock();
        try
        {
            if (!_disposed)
            {
                _disposed = true;
                _session.Dispose();
            }
        }
        finally
        {
            _open.ExitWriteLock();
        }
    }

    /// <summary>Runs the rows of several requests, which agree in all other sizes, together.</summary>
    internal IReadOnlyList<NamedTensors> Run(
        IReadOnlyList<NamedTensors> requests, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _open.EnterReadLock();
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var rows = requests.Count == 1 ? [] : requests.Select(TensorChecks.Rows).ToArray();
            Dictionary<string, OrtValue> values = new(StringComparer.Ordinal);
            try
            {
                foreach (var name in requests[0].Names)
                {
                    values.Add(name, ToOrt([.. requests.Select(request => request[name])], rows.Sum()));
                }

                using RunOptions options = new();
                using var registration = cancellationToken.Register(() => options.Terminate = true);
                using var results = _session.Run(options, values, _session.OutputNames);
                return Split(results, rows);
            }
            finally
            {
                foreach (var value in values.Values)
                {
                    value.Dispose();
                }
            }
        }
        catch (OnnxRuntimeException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OnnxRuntimeException exception)
        {
            throw new InvalidOperationException(
                $"The graph '{Path}' cannot compute these inputs: {exception.Message} Its inputs are "
                + $"{string.Join("; ", Inputs)}.", exception);
        }
        finally
        {
            _open.ExitReadLock();
        }
    }

    private static OrtValue ToOrt(IReadOnlyList<System.Numerics.Tensors.IReadOnlyTensor> parts, long rows)
    {
        var shape = Array.ConvertAll(parts[0].Lengths.ToArray(), size => (long)size);
        if (parts.Count > 1)
        {
            shape[0] = rows;
        }

        return TensorElements.Find(NamedTensors.ElementType(parts[0]))!.ToOrt(parts, shape);
    }

    // The rows of each request, or all where there is one request.
    private NamedTensors[] Split(IDisposableReadOnlyCollection<OrtValue> results, long[] rows)
    {
        var answers = new NamedTensors[Math.Max(rows.Length, 1)];
        for (var index = 0; index < answers.Length; index++)
        {
            answers[index] = [];
            var first = rows.Take(index).Sum();
            for (var output = 0; output < Outputs.Count; output++)
            {
                var port = Outputs[output];
                var shape = Array.ConvertAll(
                    results[output].GetTensorTypeAndShape().Shape, size => checked((nint)size));
                long start = 0;
                if (rows.Length > 0)
                {
                    if (shape.Length == 0 || shape[0] != rows.Sum())
                    {
                        throw new InvalidOperationException(
                            $"The output '{port.Name}' has {(shape.Length == 0 ? 0 : shape[0])} rows for "
                            + $"{rows.Sum()} rows of inputs. Set MaxBatchRows to 1.");
                    }

                    shape[0] = (nint)rows[index];
                    start = first * shape.Skip(1).Aggregate(1L, (product, size) => product * size);
                }

                answers[index].AddUnchecked(
                    port.Name, TensorElements.Find(port.ElementType)!.FromOrt(results[output], start, shape));
            }
        }

        return answers;
    }

    private void RequireRows()
    {
        var ports = Inputs.Concat(Outputs).ToArray();
        if (Array.Find(ports, port => port.Shape is not [null, ..]
            || port.SizeNames[0] is null || port.SizeNames[0] != ports[0].SizeNames[0]) is { } other)
        {
            throw new ArgumentException(
                "MaxBatchRows needs one named size that varies as the first axis of every input and output; "
                + $"'{other}' and '{ports[0]}' have none in common. Set it to 1.");
        }
    }
}
